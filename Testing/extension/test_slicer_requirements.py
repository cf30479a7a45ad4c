"""What the panel needs to be installed: as Slicer reads it, as the package states it, and enough for the worker."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from FacialLandmarks3DLib.installation.installer import TORCH, is_met, read_requirements
from FacialLandmarks3DLib.installation.report import look_at_weights
from FacialLandmarks3DLib.installation.slicer_installation import WorkerCheck
from FacialLandmarks3DLib.worker.client import WorkerClient
from installation_host import REQUIREMENTS

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "sgcn_core" / "resources" / "weights" / "face.safetensors"


def test_the_requirements_are_as_slicer_packaging_can_read_them() -> None:
    """Parsed as ``slicer.packaging.load_requirements`` does: a comment behind a requirement would be an error."""
    requirement = pytest.importorskip("packaging.requirements").Requirement
    parsed = [requirement(text) for text in read_requirements(REQUIREMENTS)]
    assert [each.name for each in parsed] == ["safetensors"]
    assert all([part.operator for part in each.specifier] == [">="] for each in parsed)
    assert not {"torch", "vtk", "numpy", "SimpleITK"} & {each.name for each in parsed}
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert not any("#" in line for line in lines)


def test_requirements_agree_with_the_package() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("\ndependencies = [")[2]
    dependencies = set(re.findall(r'"([^"]+)"', text.partition("]")[0]))
    assert {TORCH, *read_requirements(REQUIREMENTS)} <= dependencies


@pytest.mark.parametrize(
    ("requirement", "version", "met"),
    [
        ("torch>=2.2", "2.2.0", True),
        ("torch>=2.2", "2.9.1+cu126", True),
        ("torch>=2.2", "2.10.0.dev20260101", True),
        ("torch>=2.2", "1.13.1", False),
        ("torch>=2.2", None, False),
        ("torch>=2.2; sys_platform == 'amiga'", None, True),
    ],
)
def test_a_requirement_is_met_by_a_version(requirement: str, version: str | None, met: bool) -> None:
    assert is_met(requirement, lambda name: version) is met


def test_the_worker_needs_no_other_package_than_those_and_loads_the_weights_that_are_there(tmp_path: Path) -> None:
    """What Slicer brings, what PyTorch brings and the requirements: no typer, rich or click."""
    pytest.importorskip("torch")
    guard = "import sys\nfor name in ('typer', 'click', 'rich', 'SimpleITK', 'requests', 'PIL', 'matplotlib'):\n"
    (tmp_path / "sitecustomize.py").write_text(guard + "    sys.modules[name] = None\n")
    (tmp_path / "sgcn_core").symlink_to(ROOT / "sgcn_core")
    client = WorkerClient.for_python(sys.executable, str(tmp_path))
    try:
        check = WorkerCheck(client)
        check.wait()
    finally:
        client.close()
    assert check.passed, check.lines
    assert look_at_weights(WEIGHTS).sha256 in dict(check.lines)["model"]
    assert json.dumps(check.lines)
