"""Which populations weights were trained on, by the record that they hold (``Checkpoint.info``).

The record is of the last run alone; ``begun_from`` in it is the record of the weights that this run began with, and so
on: None for random weights, absent or empty where it was not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from research.training.data import FIRST
from sgcn_core.training.config import TrainingConfig

# Where the people of each population come from, and under which licence.
CREDITS = {
    FIRST: "ICT-FaceKit Light (USC ICT, MIT)",
    "makehuman": "MakeHuman (CC0)",
    "gnm": "GNM Head v3 (Google, Apache-2.0; identity modes derived from 200 heads drawn from it)",
    "children": "MakeHuman's children (CC0)",
}


@dataclass(frozen=True)
class Shown:
    """What a network has been shown.

    Attributes
    ----------
    populations : names, of all trainings that are recorded; None where not even the last one is
    gap : what is not recorded; empty where every training is, back to random weights
    """

    populations: frozenset[str] | None
    gap: str = ""


def trainings(info: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The records of all trainings that a record tells of, the last one first."""
    yield info
    before = info.get("begun_from")
    if isinstance(before, Mapping) and before:
        yield from trainings(before)


def shown(info: Mapping[str, Any]) -> Shown:
    """The populations of all trainings that a record tells of."""
    names: frozenset[str] = frozenset()
    for record in trainings(info):
        found = _of_one_run(record)
        if found is None and record is info:
            return Shown(None, "there is no record of what they were trained on")
        if found is None:
            return Shown(names, "one of the trainings does not say on what")
        names |= found
    # Training on a dataset always begins with random weights.
    before = None if "dataset" in record else record.get("begun_from", {})
    if before is None:
        return Shown(names)
    if not before:
        return Shown(names, "there may have been earlier training, which older files do not record")
    return Shown(names, f"nothing but a name is recorded of what was before: {before}")


def _of_one_run(record: Mapping[str, Any]) -> frozenset[str] | None:
    """The populations of the last run of a record, None where it does not say."""
    training, told = record.get("training"), record.get("data")
    if not isinstance(training, Mapping):
        return None
    if "dataset" in record:
        return frozenset()
    if training.get("data", "generator") != "generator":  # the people of the paper's experiments
        return frozenset({FIRST})
    shares = training.get("populations")
    if shares is None:
        # All whose data the run was given, which the sentence about its data names.
        if told is None:
            return None
        others = [name for name, credit in CREDITS.items() if name != FIRST and credit in told]
        config = TrainingConfig(stages=(), second_share=training.get("second_share", TrainingConfig.second_share))
        shares = config.shares([FIRST, *others])
    return frozenset(name for name, share in shares.items() if share > 0.0)


def in_one(record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A record in which parts of one run, each begun from the export of the one before, are one: it stays short."""
    if record is None:
        return None
    before = record.get("begun_from")
    if isinstance(before, Mapping) and all(before.get(name) == record.get(name) for name in ("data", "training")):
        return {**record, "begun_from": before.get("begun_from", {})}
    return dict(record)
