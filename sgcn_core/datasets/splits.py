"""Splits into training and test subjects: 80 to 20 as in the paper, by subject, the same on every machine."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sgcn_core.errors import FileFormatError

SHARE = 0.8
"""Of the subjects, for training: 678 of 847 in FaceScape, 978 of 1223 in Headspace (section 5.3)."""

PARTS: tuple[str, ...] = ("train", "test")


@dataclass(frozen=True)
class Split:
    """Who is trained on and who is tested on; nobody is both.

    Attributes
    ----------
    train, test : tuple of str
        Subjects, sorted.
    rule : str
        How it was made, for tables.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    rule: str

    def __post_init__(self) -> None:
        if both := sorted(set(self.train) & set(self.test)):
            raise ValueError(f"{len(both)} subjects are in both parts of the split, such as {both[0]!r}")

    def part_of(self, subject: str) -> str | None:
        """ "train", "test", or None."""
        return self._parts.get(subject)

    @cached_property
    def _parts(self) -> dict[str, str]:
        return {subject: part for part in PARTS for subject in getattr(self, part)}

    def as_dict(self) -> dict[str, Any]:
        """For a manifest."""
        return {"rule": self.rule, "train": list(self.train), "test": list(self.test)}


def split_subjects(subjects: Iterable[str], *, share: float = SHARE, seed: int = 0) -> Split:
    """Split by subject, in the order of a hash of seed and name.

    The paper does not publish who was in which part; sizes and rule (by subject, once for all networks) are its own.
    The hash makes the split independent of the machine, and a subject that is added moves few others.
    """
    everybody = sorted(set(subjects))
    if len(everybody) < 2:
        raise FileFormatError(f"a split needs at least two subjects, there are {len(everybody)}")
    ordered = sorted(everybody, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    count = min(max(round(share * len(ordered)), 1), len(ordered) - 1)
    rule = f"{count} to {len(ordered) - count} subjects by hash, seed {seed}"
    return Split(tuple(sorted(ordered[:count])), tuple(sorted(ordered[count:])), rule)


def read_split(path: Path) -> Split:
    """A split of one's own: a manifest of ``prepare``, JSON with the lists train and test, or CSV (subject, part).

    Raises
    ------
    FileFormatError
        The file cannot be read, or a subject is in both parts.
    """
    try:
        if path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = [(row["subject"].strip(), row["part"].strip()) for row in csv.DictReader(stream)]
            if wrong := {part for _, part in rows} - set(PARTS):
                raise ValueError(f"unknown part {sorted(wrong)[0]!r}; use train or test")
            lists = {part: [subject for subject, own in rows if own == part] for part in PARTS}
        else:
            content = json.loads(path.read_text(encoding="utf-8"))
            lists = content.get("split", content)
        train, test = (tuple(sorted({str(subject) for subject in lists[part]})) for part in PARTS)
        return Split(train, test, str(lists.get("rule", "")) or f"of {path.name}")
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error, RecursionError) as error:
        raise FileFormatError(f"cannot read a split from {path}: {error}; it needs the lists train and test") from error
