"""The child process that reads with VTK and ITK: what it does after crashes, hangs and lies, and what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sgcn_core.errors import FileFormatError
from sgcn_core.io import isolated
from sgcn_core.io.isolated import Child, read_isolated
from sgcn_core.io.meshes import read_surface, write_surface
from sgcn_core.types.surface import Surface

TRIANGLE = Surface(np.eye(3) * 100.0, [[0, 1, 2]], "mm", "RAS")


READERS = """
import os, sys, time
def crash(path): os.abort()
def leave(path): os._exit(0)
def hang(path):
    while True: time.sleep(1)
def take_all(path): return {}, {"a": bytearray(2**36)}
def refuse(path): raise ValueError("line one\\nITK ERROR: Reader(0x55f0): no such thing.")
def loaded(path): return {"names": [name for name in ("torch", "scipy", "vtkmodules") if name in sys.modules]}, {}
def arrays(path, size):
    import numpy as np
    print("noise of a library")
    os.write(1, b"noise\\n")
    return {"path": path}, {"a": np.arange(size), "b": np.ones((2, 3), dtype="f4")}
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    """A child of its own, which finds the readers above."""
    (tmp_path / "readers").mkdir()
    (tmp_path / "readers" / "readers_of_the_test.py").write_text(READERS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "readers"))
    own = Child()
    monkeypatch.setattr(isolated, "_SHARED", own)
    yield own
    own.stop()


def ask(name: str, **options: object) -> isolated.Answer:
    return read_isolated(f"readers_of_the_test:{name}", Path("scan.vtk"), options, memory=0, stored=0)


def temporary_files() -> set[str]:
    return {name for name in os.listdir(tempfile.gettempdir()) if name.startswith("sgcn-") and name.endswith(".npy")}


def test_one_child_reads_file_after_file(tmp_path: Path) -> None:
    path = write_surface(TRIANGLE, tmp_path / "a.vtp")
    before = temporary_files()
    processes = set()
    for _ in range(3):
        surface = read_surface(path)
        np.testing.assert_allclose(surface.vertices, TRIANGLE.vertices)
        assert (surface.unit, surface.frame) == ("mm", "RAS")
        processes.add(isolated._SHARED._process.pid)  # type: ignore[union-attr]
    assert len(processes) == 1
    assert temporary_files() == before


def test_arrays_and_values_come_back_and_prints_do_not(child: Child) -> None:
    before = temporary_files()
    answer = ask("arrays", size=100_000)
    np.testing.assert_array_equal(answer.arrays["a"], np.arange(100_000))
    assert answer.arrays["b"].dtype == np.float32 and answer.arrays["b"].shape == (2, 3)
    assert answer.values == {"path": os.path.abspath("scan.vtk")}
    assert temporary_files() == before


@pytest.mark.parametrize("name", ["crash", "leave"])
def test_a_crash_is_an_error_and_the_next_file_is_read(tmp_path: Path, child: Child, name: str) -> None:
    for _ in range(2):
        with pytest.raises(FileFormatError, match="crashed"):
            ask(name)
    assert len(read_surface(write_surface(TRIANGLE, tmp_path / "a.vtk")).faces) == 1


def test_a_hang_is_stopped_and_the_next_file_is_read(
    tmp_path: Path, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("loaded")
    with monkeypatch.context() as context:
        context.setattr(isolated, "READ_SECONDS", 0.5)
        began = time.monotonic()
        with pytest.raises(FileFormatError, match="longer than"):
            ask("hang")
        assert time.monotonic() - began < 10
    assert len(read_surface(write_surface(TRIANGLE, tmp_path / "a.vtk")).faces) == 1


def test_a_reader_cannot_take_all_memory(child: Child) -> None:
    with pytest.raises(FileFormatError, match="more memory"):
        ask("take_all")


def test_of_what_itk_says_the_reason_is_kept(child: Child) -> None:
    with pytest.raises(FileFormatError, match=r"^no such thing$"):
        ask("refuse")


def test_the_child_loads_neither_torch_nor_libraries_that_its_reader_does_not_need(child: Child) -> None:
    assert ask("loaded").values == {"names": []}


def test_a_child_that_was_killed_is_replaced(child: Child) -> None:
    ask("loaded")
    first = child._process
    assert first is not None
    first.kill()
    first.wait()
    assert ask("loaded").values == {"names": []}
    assert child._process is not None and child._process.pid != first.pid


def test_an_error_names_the_file_the_reason_and_what_to_do(
    tmp_path: Path, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_surface(TRIANGLE, tmp_path / "a.vtk")
    monkeypatch.setattr("sgcn_core.io.vtk_polydata.__name__", "readers_of_the_test")
    (tmp_path / "readers" / "readers_of_the_test.py").write_text(
        "import os\ndef read_in_child(path, **options): os.abort()\n"
    )
    with pytest.raises(FileFormatError, match=r"cannot read .*a\.vtk as VTK: .*crashed.*Export it again"):
        read_surface(path)


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    path = write_surface(TRIANGLE, tmp_path / "a.vtk")
    code = (
        "import os, sys; from sgcn_core.io import isolated; from sgcn_core.io.meshes import read_surface;"
        "read_surface(sys.argv[1]); print(isolated._SHARED._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    if not hasattr(os, "fork"):
        pytest.skip("processes are killed otherwise on this system")
    ended = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    child = int(ended.stdout)
    for _ in range(100):
        if not _runs(child):
            break
        time.sleep(0.1)
    assert not _runs(child)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    try:  # nobody may have asked for the exit code of an orphan
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def test_nothing_of_the_current_folder_is_run(tmp_path: Path) -> None:
    """Modules beside the scan are no part of the program, whatever their name."""
    path = write_surface(TRIANGLE, tmp_path / "a.vtp")
    for name in ("sgcn_core", "torch", "vtk", "vtkmodules", "numpy", "SimpleITK", "json", "faulthandler"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'a').write(__name__)\n")
    code = (
        "import sys; sys.path[:] = [entry for entry in sys.path if entry]; sys.path.append(sys.argv[2])\n"
        "from sgcn_core.io.meshes import read_surface; print(len(read_surface(sys.argv[1]).faces))"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": ""}
    command = [sys.executable, "-c", code, str(path), str(root)]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.stdout == "1\n", ended.stderr
    assert not (tmp_path / "executed").exists()


def test_plain_meshes_start_no_child_and_import_no_reader(tmp_path: Path) -> None:
    path = write_surface(TRIANGLE, tmp_path / "a.ply")
    code = (
        "import sys; from sgcn_core.io import isolated; from sgcn_core.io.meshes import read_surface;"
        "read_surface(sys.argv[1]); print(isolated._SHARED._process,"
        "[name for name in ('torch', 'vtkmodules', 'SimpleITK', 'pydicom', 'trimesh') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert ended.stdout == "None []\n"
