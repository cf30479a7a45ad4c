"""The sample face of the Slicer extension: its files, and how Slicer's Sample Data module gets them."""

from __future__ import annotations

import hashlib
import struct
import sys
import types
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "FacialLandmarks3D"))

from FacialLandmarks3DLib.about import NAME, registerSampleData

from sgcn_core.demo import demo_surface
from sgcn_core.io.meshes import read_surface

FILE = Path(__file__).resolve().parents[2] / "FacialLandmarks3D" / "Resources" / "SampleData" / f"{NAME}.ply"


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the Sample Data module was given; it has the signatures of ``SampleData.py`` of Slicer 5.12."""
    calls: list[dict[str, Any]] = []

    class SampleDataLogic:
        @staticmethod
        def registerCustomSampleDataCategory(category, title):
            calls.append({"category": category, "title": title})

        @staticmethod
        def registerCustomSampleDataSource(
            category="Custom",
            sampleName=None,
            uris=None,
            fileNames=None,
            nodeNames=None,
            customDownloader=None,
            thumbnailFileName=None,
            loadFileTypes=None,
            loadFiles=None,
            loadFileProperties=None,
            checksums=None,
            loadFileType=None,
        ):
            calls.append(dict(locals()))

    module = types.ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic
    monkeypatch.setitem(sys.modules, "SampleData", module)
    registerSampleData()
    return calls


def test_the_sample_comes_without_a_connection(registered: list[dict[str, Any]], tmp_path: Path) -> None:
    category, source = registered
    assert category["category"] == source["category"] and category["title"]
    copied, _ = urllib.request.urlretrieve(source["uris"], tmp_path / source["fileNames"])
    content = Path(copied).read_bytes()
    assert source["checksums"] == f"SHA256:{hashlib.sha256(content).hexdigest()}"
    assert source["loadFileTypes"] == "ModelFile" and content == FILE.read_bytes()
    header = Path(source["thumbnailFileName"]).read_bytes()[:24]
    assert struct.unpack(">II", header[16:]) == (260, 280)


def test_nothing_happens_without_the_sample_data_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SampleData", None)
    registerSampleData()


def test_the_sample_is_the_packages_own_face_upright_in_slicer() -> None:
    face = read_surface(FILE)
    own = demo_surface()
    assert (face.frame, face.unit) == ("LPS", "mm")
    left, up, out = (own.vertices - own.vertices.mean(axis=0)).T
    np.testing.assert_allclose(face.vertices, np.stack([left, -out, up], axis=1), atol=1e-6)
    np.testing.assert_array_equal(face.faces, own.faces)


def test_landmarks_are_found_on_the_sample() -> None:
    pytest.importorskip("torch")
    from sgcn_core import LandmarkDetector

    result = LandmarkDetector.from_pretrained().detect(read_surface(FILE), landmark_set="clinical")
    assert result.status.count("missing") < 5
    assert result.position("ex_r")[0] < -30 < 30 < result.position("ex_l")[0]
    assert result.position("prn")[1] < result.position("ex_l")[1] - 20
    assert result.position("g")[2] > result.position("sn")[2] > result.position("gn")[2]
