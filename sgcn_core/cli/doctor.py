"""`sgcn-landmarks doctor`: what is installed, and whether it works. One failed check does not stop the others."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from sgcn_core.batch import ExitCode, Progress, describe
from sgcn_core.cli.console import end, print_json, progress_bar, reporting_errors, say
from sgcn_core.cli.options import Debug, Json
from sgcn_core.viz.system_libraries import RenderWarning, missing_libraries, named_in, remedy

_SIGNS = {"ok": "ok  ", "warning": "WARN", "failed": "FAIL"}
# Distribution and the module that shows whether it can be loaded.
_ESSENTIAL = {
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy.spatial",
    "vtk": "vtkmodules.vtkCommonDataModel",
    "SimpleITK": "SimpleITK",
    "safetensors": "safetensors",
}


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report.

    Attributes
    ----------
    name : str
    status : {"ok", "warning", "failed"}
        "failed" only for essential checks.
    detail : str
        For people.
    values : dict
        For programs; JSON-able.
    """

    name: str
    status: str
    detail: str
    values: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def doctor(
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show versions, device and weights, and check that detection, files and pictures work."""
    with reporting_errors(debug=debug):
        with progress_bar(1) as start:
            checks = run_checks(start(0, "doctor"), debug=debug)
        code = ExitCode.NOT_USABLE if any(check.status == "failed" for check in checks) else ExitCode.OK
        if as_json:
            print_json({"exit_code": int(code), "checks": [check.as_dict() for check in checks]})
        else:
            _print(checks)
    raise end(code)


def _print(checks: Sequence[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        say(f"{_SIGNS[check.status]}  {check.name:<{width}}  {check.detail}")
    failed = [check.name for check in checks if check.status == "failed"]
    say(f"Not usable: {', '.join(failed)}." if failed else "Ready to use.")


def run_checks(progress: Progress, *, debug: bool = False) -> list[Check]:
    """Every check, in the order of the report."""
    checks = [_python()]
    for distribution, module in _ESSENTIAL.items():
        checks.append(_attempt(distribution, partial(_library, distribution, module), debug=debug))
    from sgcn_core.io.temporary import private_folder

    with private_folder("doctor") as folder:
        later: dict[str, Callable[[], Check]] = {
            "device": _device,
            "weights": _weights,
            "detection": lambda: _detection(folder),
            "pictures": lambda: _pictures(folder),
        }
        for number, (name, action) in enumerate(later.items()):
            progress(name, number / len(later))
            checks.append(_attempt(name, action, essential=name != "pictures", debug=debug))
    return checks


def _attempt(name: str, action: Callable[[], Check], *, essential: bool = True, debug: bool = False) -> Check:
    try:
        return action()
    except Exception as error:  # a broken installation can fail in any way, and the report has to go on
        if debug:
            raise
        cause = remedy(named_in(str(error)))
        return Check(name, "failed" if essential else "warning", "; ".join(filter(None, [describe(error), cause])))


def _python() -> Check:
    from sgcn_core import __version__

    detail = f"{platform.python_version()} on {platform.platform()}; sgcn-core {__version__}"
    return Check("python", "ok", detail, {"python": platform.python_version(), "sgcn-core": __version__})


def _library(distribution: str, module: str) -> Check:
    import_module(module)
    version = metadata.version(distribution)
    return Check(distribution, "ok", version, {"version": version})


def _device() -> Check:
    import torch

    from sgcn_core.cli.machine import processor

    devices = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    threads = torch.get_num_threads()
    detail = f"{', '.join(devices)}; {threads} threads on {processor()}"
    return Check("device", "ok", detail, {"devices": devices, "threads": threads, "processor": processor()})


def _weights() -> Check:
    from importlib.resources import as_file, files

    from sgcn_core.weights.checkpoint import load_checkpoint

    with as_file(files("sgcn_core") / "resources" / "weights" / "face.safetensors") as path:
        checkpoint, size = load_checkpoint(path), path.stat().st_size
    detail = f"{path} ({size / 1e6:.2f} MB, {len(checkpoint.labels)} landmarks, sha256 {checkpoint.sha256[:16]})"
    values = {"path": str(path), "bytes": size, "sha256": checkpoint.sha256, "info": checkpoint.info}
    return Check("weights", "ok", detail, values)


def _detection(folder: Path) -> Check:
    """Detect on the package's own face, write every format and read it back."""
    import numpy as np

    from sgcn_core.cli.detect import load_detector
    from sgcn_core.demo import demo_surface
    from sgcn_core.io.formats import WRITABLE_LANDMARK_SUFFIXES
    from sgcn_core.io.markups import read_landmarks, write_landmarks
    from sgcn_core.settings import DetectionSettings

    result = load_detector(DetectionSettings()).detect(demo_surface())
    present = np.array([status != "missing" for status in result.status])
    found = int(present.sum())
    for suffix in WRITABLE_LANDMARK_SUFFIXES:
        file = folder / f"face{suffix}"
        write_landmarks(result, file)
        again = read_landmarks(file)
        distance = np.abs(again.positions - result.positions)[present].max(initial=0.0)
        if not distance < 1e-3:
            return Check("detection", "failed", f"landmarks read from {suffix} differ by {distance:g} {result.unit}")
    status = "ok" if found > len(result.labels) // 2 else "failed"
    return Check("detection", status, f"{found} of {len(result.labels)} landmarks on the package's own face")


def _pictures(folder: Path) -> Check:
    """Draw a tetrahedron with the means that `render_landmarks` would use."""
    import numpy as np

    from sgcn_core.types.landmarks import LandmarkResult
    from sgcn_core.types.surface import Surface
    from sgcn_core.viz import render_landmarks

    corners = np.array([[0.0, 0, 0], [100, 0, 0], [0, 100, 0], [0, 0, 100]])
    surface = Surface(vertices=corners, faces=np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]), unit="mm")
    result = LandmarkResult(
        labels=("prn",),
        positions=corners[3:],
        confidence=np.ones(1),
        status=("found",),
        unit="mm",
        frame=surface.frame,
        info={},
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RenderWarning)
        render_landmarks(surface, result, folder / "check.png", size=(480, 320))
    cause = next((str(w.message) for w in caught if issubclass(w.category, RenderWarning)), None)
    missing = list(missing_libraries())
    if cause is not None:
        return Check("pictures", "warning", cause, {"missing": missing})
    return Check("pictures", "ok", "drawn with VTK, off-screen", {"missing": missing})
