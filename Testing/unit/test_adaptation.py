"""Learning an annotator's definitions: offsets, what must not be learnt from, and the files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corrected_scans import FOUND, LABELS, SURFACE, scan
from tiny_face_model import ellipsoid

from sgcn_core.adaptation.checks import checked
from sgcn_core.adaptation.corrected_scan import CorrectedScan, Detected
from sgcn_core.adaptation.estimate import estimate
from sgcn_core.adaptation.leave_one_out import leave_one_out
from sgcn_core.adaptation.sources import corrected_files
from sgcn_core.errors import LandmarkError
from sgcn_core.evaluation.truth import Truth
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.io.markups import write_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.io.provenance import input_record
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import flip_frame

EN = {"en_r": (1.0, 3.0, 0.5), "en_l": (-1.0, 3.0, 0.5)}


def scans(count: int, *, noise: float) -> list[CorrectedScan]:
    return [scan(EN, noise=noise, seed=seed) for seed in range(count)]


def length(learnt: Any, label: str) -> float:
    return float(np.linalg.norm(learnt.of([label])))


# --- offsets --------------------------------------------------------------------------------------------------------


def test_what_many_scans_agree_on_is_learnt_and_mirrored_and_nothing_else_changes() -> None:
    learnt = estimate(scans(8, noise=0.3), LABELS, None)
    np.testing.assert_allclose(learnt.of(["en_r"])[0], EN["en_r"], atol=0.35)
    np.testing.assert_array_equal(learnt.of(["en_l"])[0], learnt.of(["en_r"])[0] * (-1, 1, 1))
    np.testing.assert_array_equal(learnt.of([label for label in LABELS if label not in EN]), 0.0)
    assert learnt.definitions == ("en_r",) and learnt.scans.tolist() == [8]


def test_one_side_teaches_the_other_and_the_midline_stays_in_the_middle() -> None:
    learnt = estimate([scan({"en_r": EN["en_r"], "prn": (2.0, 4.0, 0.0)})] * 3, LABELS, None)
    assert length(learnt, "en_l") == length(learnt, "en_r") > 0
    x, y, _z = learnt.of(["prn"])[0]
    assert x == 0.0 and y > 2.0


def test_little_evidence_is_kept_near_zero() -> None:
    kept = [float(estimate(scans(count, noise=1.0), LABELS, None).kept[0]) for count in (1, 2, 5, 10)]
    assert 0.2 < kept[0] < kept[1] < kept[2] < kept[3] < 1.0
    quiet, wild = (estimate(scans(4, noise=noise), LABELS, None) for noise in (0.2, 4.0))
    assert wild.kept[0] < quiet.kept[0] and wild.deviation[0] > 2.0 * quiet.deviation[0]


def test_the_posterior_mean_of_one_landmark_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sgcn_core.adaptation.estimate._factors", lambda evidence: (1.0, 1.0))
    learnt = estimate([scan({"prn": (0.0, 2.0, 0.0)}), scan({"prn": (0.0, 4.0, 0.0)})], LABELS, None)
    before = (2.5 / 1.596) ** 2 - 1.0  # of the expected error without the definitions' 1.0
    noise = (6.0 * before + 2.0) / (6.0 + 2.0)  # squares 1 + 1, two axes of one scan more than the mean needs
    kept = 1.0 / (1.0 + noise / 2.0)
    np.testing.assert_allclose(learnt.of(["prn"])[0], (0.0, 3.0 * kept, 0.0), rtol=1e-9)
    assert learnt.deviation[0] == pytest.approx(np.sqrt(noise + kept * noise / 2.0))


def test_a_landmark_left_in_its_place_on_other_scans_counts_as_right_there() -> None:
    moved, left = scan({"gn": (0.0, 6.0, 0.0)}), scan({"prn": (0.0, 2.0, 0.0)}, seed=1)
    assert length(estimate([moved, left], LABELS, None), "gn") < 0.6 * length(estimate([moved], LABELS, None), "gn")
    assert estimate([scan({})], LABELS, None).definitions == ()


def test_no_scan_teaches_itself() -> None:
    up, down = scan({"prn": (0.0, 3.0, 0.0)}), scan({"prn": (0.0, -3.0, 0.0)}, seed=1)
    told = {(each.scan, each.label): each for each in leave_one_out([up, down], LABELS, None)}
    first = told["scan 0", "prn"]
    assert first.before == pytest.approx(3.0) and first.after > 3.5
    assert told["scan 0", "en_r"].after == told["scan 0", "en_r"].before == 0.0
    agreeing = [each for each in leave_one_out(scans(4, noise=0.2), LABELS, None) if each.label == "en_r"]
    assert np.mean([each.after for each in agreeing]) < 0.5 * np.mean([each.before for each in agreeing])
    assert all(np.isnan(each.after) for each in leave_one_out([up], LABELS, None))


# --- what must not be learnt from -----------------------------------------------------------------------------------

POSE = Similarity(0.5, np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), np.array([30.0, -60.0, 20.0]))
HEAD = Detected(
    places=dict(zip(LABELS, FOUND, strict=True)),
    expected=dict.fromkeys(LABELS, 2.5),
    to_head=POSE,
    unit="mm",
    size=1.0,
    surface=SURFACE,
    fingerprint="a",
)


def truth(places: np.ndarray = FOUND, unit: str | None = None) -> Truth:
    return Truth(dict(zip(LABELS, POSE.inverse().apply(places), strict=True)), unit)


def changed(change: Callable[[np.ndarray], np.ndarray], unit: str | None = None) -> Truth:
    return Truth({label: change(place) for label, place in truth().positions.items()}, unit)


def exchanged(pairs: tuple[str, ...]) -> Truth:
    other = {label: label[:-1] + ("l" if label.endswith("_r") else "r") for label in LABELS if "_" in label}
    places = truth().positions
    return Truth({label: places[other[label] if label[:2] in pairs else label] for label in LABELS})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (changed(lambda place: place / 1000.0), "they are in m and not in mm"),
        (changed(lambda place: place, "cm"), "they are in mm and not in cm"),
        (changed(lambda place: flip_frame(place[None])[0]), "LPS and RAS exchanged"),
        (changed(lambda place: place + 300.0), "give the scan on which they were placed"),
        (exchanged(("en", "ex", "ch")), "left and right are exchanged: 6 of 6"),
        (truth(FOUND + np.array([0.0, 7.0, 0.0])), "7.0 mm to one side"),
        (truth(FOUND * np.repeat([[1.05], [0.95]], 4, axis=0)), "off the surface"),
        (Truth({"nose": np.zeros(3)}), r"none of its landmarks \(nose\)"),
    ],
)
def test_a_file_that_does_not_fit_the_scan_is_refused_with_the_reason(wrong: Truth, message: str) -> None:
    with pytest.raises(LandmarkError, match=message):
        checked(HEAD, "wrong", wrong)


def test_single_slips_are_left_out_by_name_and_the_rest_is_learnt_from() -> None:
    positions = dict(exchanged(("ch",)).positions)
    inverse = POSE.inverse()
    positions["prn"] = inverse.apply(FOUND[LABELS.index("gn")])
    positions["gn"] = inverse.apply(FOUND[LABELS.index("gn")] + (0.0, -2.0, 12.0))
    positions["t_r"] = np.zeros(3)
    kept = checked(HEAD, "scan", Truth(positions))
    assert kept.labels == ("en_r", "en_l", "ex_r", "ex_l")
    notes = " / ".join(kept.notes)
    for words in (
        "ch_r lies where ch_l was found",
        "prn lies 91 mm",
        "gn lies 10.3 mm",
        "off the surface",
        "weights: t_r",
    ):
        assert words in notes


def test_a_landmark_whose_name_has_a_space_is_left_out_like_any_other() -> None:
    places = {("nose tip" if label == "prn" else label): place for label, place in HEAD.places.items()}
    named = dataclasses.replace(HEAD, places=places, expected=dict.fromkeys(places, 2.5))
    moved = {label: POSE.inverse().apply(place) for label, place in places.items()}
    moved["nose tip"] = POSE.inverse().apply(FOUND[LABELS.index("gn")])
    kept = checked(named, "scan", Truth(moved))
    assert "nose tip" not in kept.labels and len(kept.labels) == len(LABELS) - 1
    assert kept.notes == ("nose tip lies 91 mm from where it was found; left out",)


def test_a_few_landmarks_may_be_of_quite_another_definition() -> None:
    inverse, place = POSE.inverse(), FOUND[LABELS.index("gn")]
    elsewhere = SURFACE.vertices[SURFACE.vertex_tree.query(place + np.array([0.0, 20.0, 4.0]))[1]]
    kept = checked(HEAD, "scan", Truth({"gn": inverse.apply(elsewhere)}))
    assert kept.errors()[0] > 10.0 and kept.labels == ("gn",)


def test_corrections_are_compared_in_the_head_frame_whatever_the_pose_and_unit_of_the_scan() -> None:
    moved = FOUND + np.array([0.0, 0.8, 0.0])
    kept = checked(HEAD, "scan", truth(moved))
    np.testing.assert_allclose(kept.displacement, np.tile((0.0, 0.8, 0.0), (8, 1)), atol=1e-9)
    in_cm = Truth({label.upper(): place / 10.0 for label, place in truth(moved).positions.items()}, "cm")
    np.testing.assert_allclose(checked(HEAD, "scan", in_cm).displacement, kept.displacement, atol=1e-9)


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_landmark_file_finds_the_scan_that_it_names(tmp_path: Path) -> None:
    vertices, faces = ellipsoid(6, 8)
    folder, results = tmp_path / "scans", tmp_path / "results"
    for each in (folder, results):
        each.mkdir()
    face = write_surface(Surface(vertices, faces), folder / "face.ply")
    plain = LandmarkResult(("prn",), np.zeros((1, 3)), np.ones(1), ("found",))
    named = write_landmarks(
        dataclasses.replace(plain, info={"input": input_record(face)}), results / "reviewed.mrk.json"
    )
    with pytest.raises(FileNotFoundError, match=r"face\.ply.*--scans"):
        corrected_files([named])
    assert [pair.scan for pair in corrected_files([named], [folder])] == [face]
    assert corrected_files([results], [folder]) == corrected_files([named], [folder])
    beside = write_landmarks(plain, folder / "face.csv")
    assert [(pair.scan, pair.landmarks) for pair in corrected_files([folder, face, beside])] == [(face, beside)]
    with pytest.raises(ValueError, match="two landmark files"):
        corrected_files([folder, named], [folder])
    face.write_bytes(face.read_bytes() + b"\n")
    with pytest.raises(LandmarkError, match="its content differs"):
        corrected_files([named], [folder])
    with pytest.raises(ValueError, match="no scan with a landmark file"):
        corrected_files([results])
