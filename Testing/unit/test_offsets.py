"""Offsets of annotators: sides turned round, means by landmark and annotator; distances from others' landmarks."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch_geometric", reason="the extra train is not installed")

from research.documentation import distances
from research.experiments.offsets import offset_table
from sgcn_core.geometry.similarity import Similarity


def test_each_landmark_and_annotator_has_its_mean() -> None:
    given = [
        ("sn", "b", np.array([0.0, 3.0, 4.0])),
        ("al", "a", np.array([1.0, 0.0, -2.0])),
        ("sn", "b", np.array([0.0, 0.0, 0.0])),
    ]
    first, second = offset_table(given, note="").rows
    assert (first["landmark"], first["annotator"], first["number"]) == ("al", "a", 1)
    assert (first["outwards"], first["forwards"]) == (1.0, -2.0)
    assert (second["number"], second["error"], second["upwards"], second["forwards"]) == (2, 2.5, 1.5, 2.0)


def test_only_what_all_other_annotators_share_is_taken_off() -> None:
    outwards = {"en": {"a": 1.0, "b": 2.0, "c": 3.0}, "ex": {"a": 1.0, "b": -1.0, "c": 1.0}, "sn": {"a": 1.0}}
    given = [(label, who, np.array([off, 0.0, 0.0])) for label, offs in outwards.items() for who, off in offs.items()]
    rows = {(row["landmark"], row["annotator"]): row for row in offset_table(given, note="").rows}
    assert (rows["en", "a"]["others outwards"], rows["en", "a"]["without"]) == (2.0, 1.0)  # 1 mm becomes 1 mm inwards
    assert (rows["en", "b"]["others outwards"], rows["en", "b"]["without"]) == (1.0, 1.0)
    assert (rows["ex", "a"]["others outwards"], rows["ex", "a"]["without"]) == (0.0, 1.0)  # the others do not agree
    assert (rows["sn", "a"]["others outwards"], rows["sn", "a"]["without"]) == (None, None)


def test_the_right_side_is_turned_round(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from research.experiments import offsets

    labels = ("al_r", "al_l", "sn", "ibug33")
    found = np.array([[-2.0, 1.0, 0.5], [1.0, 1.0, 0.5], [np.nan] * 3, [1.0, 1.0, 1.0]])
    monkeypatch.setattr(offsets, "annotated_scans", lambda *_: [SimpleNamespace(annotator="a")])
    monkeypatch.setattr(offsets, "displacements", lambda *_: found)
    detector = SimpleNamespace(pipeline=None, checkpoint=SimpleNamespace(labels=labels))
    measured = list(offsets.measured_offsets(detector, [], mode="guided"))
    assert [(label, who, offset.tolist()) for label, who, offset in measured] == [
        ("al", "a", [2.0, 1.0, 0.5]),
        ("al", "a", [1.0, 1.0, 0.5]),
    ]


def test_distances_are_by_name_and_of_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    labels = ("n", "se", "mf_r", "mf_l")
    found = np.array([[0.0, 9.0, 0.0], [0.0, 2.0, 0.0], [-8.0, 0.0, 0.0], [8.0, 0.0, 0.0]])
    # The mesh lies on its side, 10 times as large as the normalised crop: what was its x is upwards.
    to_normalised = Similarity(0.1, np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), np.zeros(3))
    truth = {"n": [1.0, 0.0, 0.0], "mf_r": [0.0, 8.0, 3.0], "mf_l": [0.0, -8.0, 5.0]}
    scan = SimpleNamespace(
        annotator="rhinoplasty surgeons",
        heatmaps=SimpleNamespace(graph=SimpleNamespace(to_normalised=to_normalised)),
        truth={label: np.array(place) for label, place in truth.items()},
    )
    monkeypatch.setattr(distances, "annotated_scans", lambda *_, **__: [scan])
    pipeline = SimpleNamespace(place=lambda heatmaps: SimpleNamespace(positions=found * 0.1))
    detector = SimpleNamespace(pipeline=pipeline, checkpoint=SimpleNamespace(labels=labels))
    rows = distances.distance_table(distances.measured(detector, []), note="").rows
    assert [(row["whose"], row["theirs"], row["ours"], row["number"]) for row in rows] == [
        ("rhinoplasty surgeons", "n", "n", 1),
        ("rhinoplasty surgeons", "n", "se", 1),
        ("rhinoplasty surgeons", "mf", "mf", 2),
        ("ours", "se", "n", 1),
    ]
    assert [row["mean"] for row in rows] == pytest.approx([8.0, 1.0, 4.0, 7.0])
    assert [row["ours above"] for row in rows] == pytest.approx([8.0, 1.0, 0.0, 7.0])
    assert (rows[2]["least"], rows[2]["most"]) == pytest.approx((3.0, 5.0))
