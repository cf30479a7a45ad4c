"""The Python that runs the worker, its environment, and what its client imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from FacialLandmarks3DLib.worker.python import environment_outside_slicer, find_python, worker_environment

LIBRARY = Path(__file__).resolve().parents[2] / "FacialLandmarks3D"


def test_the_environment_is_extended_not_changed(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    environment = worker_environment("/package")
    assert environment["PYTHONPATH"].split(os.pathsep) == ["/package", "elsewhere"]
    assert environment["PYTHONUTF8"] == "1" and os.environ["PYTHONPATH"] == "elsewhere"
    assert set(worker_environment(base={})) == {
        "PYTHONUTF8",
        "PYTHONUNBUFFERED",
        "PYTHONFAULTHANDLER",
        "PYTHONSAFEPATH",
    }


def test_another_python_gets_the_environment_from_before_slicers_launcher() -> None:
    launched = {
        "APPLAUNCHER_LEVEL": "1",
        "APPLAUNCHER_0_PATH": "/usr/bin",
        "PATH": "/slicer/bin:/usr/bin",
        "PYTHONHOME": "/slicer/lib/Python",
        "HOME": "/home/me",
    }
    outside = environment_outside_slicer(launched)
    assert outside["PATH"] == "/usr/bin" and outside["HOME"] == "/home/me" and "PYTHONHOME" not in outside
    own = {"PATH": "/usr/bin", "PYTHONPATH": "/mine"}
    assert environment_outside_slicer(own) == own


def test_slicers_real_interpreter_comes_before_its_launcher(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_python() == sys.executable
    for name in ("PythonSlicer", "python-real"):
        program = tmp_path / (name + (".exe" if os.name == "nt" else ""))
        program.write_text("")
        program.chmod(0o755)
        assert find_python() == str(program)


def test_importing_the_client_loads_nothing_but_the_standard_library():
    code = "import sys; before = set(sys.modules); import FacialLandmarks3DLib.worker.client\n"
    code += "print(sorted({n.partition('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=LIBRARY)
    assert ended.stdout.strip() == "['FacialLandmarks3DLib']"
