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
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "FacialLandmarks3D"))

from FacialLandmarks3DLib.about import NAME, PAIR, registerSampleData

from sgcn_core.demo import demo_surface
from sgcn_core.io.markups import read_landmarks
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
    category, source, _pair = registered
    assert category["category"] == source["category"] and category["title"]
    copied, _ = urllib.request.urlretrieve(source["uris"], tmp_path / source["fileNames"])
    content = Path(copied).read_bytes()
    assert source["checksums"] == f"SHA256:{hashlib.sha256(content).hexdigest()}"
    assert source["loadFileTypes"] == "ModelFile" and content == FILE.read_bytes()
    header = Path(source["thumbnailFileName"]).read_bytes()[:24]
    assert struct.unpack(">II", header[16:]) == (260, 280)


def test_the_pair_has_scans_and_landmarks_of_both_dates(registered: list[dict[str, Any]], tmp_path: Path) -> None:
    pair = registered[2]
    assert pair["sampleName"] == PAIR and pair["nodeNames"] == [
        "Before",
        "After",
        "Before landmarks",
        "After landmarks",
    ]
    assert pair["loadFileTypes"] == ["ModelFile", "ModelFile", "MarkupsFile", "MarkupsFile"]
    assert len(set(pair["fileNames"])) == 4
    read = {}
    for uri, name, node, checksum in zip(
        pair["uris"], pair["fileNames"], pair["nodeNames"], pair["checksums"], strict=True
    ):
        copied, _ = urllib.request.urlretrieve(uri, tmp_path / name)
        assert checksum == f"SHA256:{hashlib.sha256(Path(copied).read_bytes()).hexdigest()}"
        read[node] = read_surface(Path(copied)) if name.endswith(".ply") else read_landmarks(Path(copied))
    before, after = read["Before"], read["After"]
    np.testing.assert_array_equal(before.faces, after.faces)
    chin = int(np.argmin(np.linalg.norm(before.vertices - read["Before landmarks"].position("pg"), axis=1)))
    far = np.linalg.norm(before.vertices - before.vertices[chin], axis=1) > 70.0
    centre, target = after.vertices[far].mean(axis=0), before.vertices[far].mean(axis=0)
    turn, _rms = Rotation.align_vectors(before.vertices[far] - target, after.vertices[far] - centre)
    change = turn.apply(after.vertices - centre) + target - before.vertices
    np.testing.assert_allclose(change[chin], (2.0, -6.0, 0.0), atol=0.05)
    assert np.abs(change[far]).max() < 1e-2
    for name in ("Before", "After"):
        landmarks = read[f"{name} landmarks"]
        assert len(landmarks) == 62 and landmarks.status.count("missing") < 5
        distances = np.linalg.norm(read[name].vertices[:, None] - landmarks.position("pg"), axis=-1)
        assert distances.min() < 3.0 and "stages" not in landmarks.info


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
