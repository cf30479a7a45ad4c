"""Child processes: nothing in the current folder is imported, and they end with their parent."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import alive, until

from sgcn_core.child_process import python_command, python_environment

TRAPS = ("sgcn_core", "torch", "numpy", "vtkmodules", "json", "linecache", "runpy", "sitecustomize", "usercustomize")


def set_traps(folder: Path) -> Path:
    """Modules that leave a file when they are imported; returns the place of those files."""
    sprung = folder / "sprung"
    sprung.mkdir()
    for name in TRAPS:
        (folder / f"{name}.py").write_text(f"open({str(sprung / name)!r}, 'w').close()\nraise SystemExit('trapped')\n")
    return sprung


@pytest.mark.parametrize("added", ["", ".", os.pathsep])
@pytest.mark.parametrize("safe_path", [True, False], ids=["as it is", "as before Python 3.11"])
def test_nothing_in_the_current_folder_is_imported(tmp_path, monkeypatch, safe_path, added):
    sprung = set_traps(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), *sys.path])
    monkeypatch.setenv("PYTHONPATH", added)
    command, environment = python_command("sgcn_core.worker.surface_file"), python_environment()
    if not safe_path:
        command = [part for part in command if part != "-P"]
        del environment["PYTHONSAFEPATH"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(sprung.iterdir()) == []


def test_the_module_gets_its_arguments(tmp_path):
    module = tmp_path / "told.py"
    module.write_text("import sys\nprint(__name__, sys.argv[1:])")
    environment = python_environment()
    environment["PYTHONPATH"] += os.pathsep + str(tmp_path)
    ended = subprocess.run(python_command("told", "a b", "--c"), env=environment, capture_output=True, text=True)
    assert ended.stdout == "__main__ ['a b', '--c']\n"


PARENT = """
import subprocess, sys, time
from sgcn_core.child_process import python_command, python_environment
child = subprocess.Popen(python_command("sleeper"), env={**python_environment(), "PYTHONPATH": sys.argv[1]})
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(os.name == "nt", reason="asks for processes as POSIX does")
def test_a_child_ends_with_its_parent(tmp_path):
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(600)")
    path = os.pathsep.join([str(tmp_path), python_environment()["PYTHONPATH"]])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, path], env=python_environment(), stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    time.sleep(1.0)  # it has to have begun
    parent.kill()
    parent.communicate()
    until(lambda: not alive(child))
