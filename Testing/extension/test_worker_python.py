"""The Python that runs the worker and its environment."""

from __future__ import annotations

from FacialLandmarks3DLib.worker.python import environment_outside_slicer


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
