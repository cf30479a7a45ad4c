"""Offsets of annotators: sides turned round, means by landmark and annotator."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch_geometric", reason="the extra train is not installed")

from research.experiments.offsets import offset_table


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
