"""A plain folder: meshes with landmark files of any readable format beside them.

``subjects.csv`` (columns ``file``, ``subject`` and, if wanted, ``condition``) tells which scans are of one person;
without it every scan counts as a person of its own. ``labels.txt`` (a name a line) names the landmarks of formats that
only number them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np

from sgcn_core.datasets.base import Experiment, Face, FaceDataset, Sample
from sgcn_core.errors import FileFormatError
from sgcn_core.evaluation.truth import Truth, landmark_file, meshes, read_names, read_truth
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import read_surface
from sgcn_core.types.units import in_mm

SUBJECTS, LABELS = "subjects.csv", "labels.txt"


class Folder(FaceDataset):
    """Annotated scans of one's own.

    The unit of a mesh is what its file or else its landmark file states; where neither does, it has to be given.
    """

    name = "folder"
    title = "annotated scans"
    experiments = (Experiment("scans", (), {"scans": ()}),)
    upright = False
    assumed_unit = None
    shared = (LABELS,)

    def layout(self) -> str:
        return "meshes with landmark files of the same name beside them (scan.ply and scan.mrk.json, .pp, .csv ...)"

    @cached_property
    def names(self) -> tuple[str, ...] | None:
        """The names of ``labels.txt``, None where there is none."""
        path = self.root / LABELS
        return read_names(path) if path.is_file() else None

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels of all landmark files, in the order in which they come first."""
        found: dict[str, None] = {}
        for sample in self.samples:
            found |= dict.fromkeys(Truth.of(read_landmarks(sample.more[0])).named(self.names).positions)
        return tuple(found)

    def find(self) -> Iterable[Sample]:
        people = self._people()
        for path in meshes(self.root):
            if (table := landmark_file(path)) is not None:
                subject, condition = people.get(path.name, (path.stem, ""))
                yield Sample(path.name.replace(".", "-"), subject, condition, path, (table,))

    def read(self, sample: Sample, *, cropped: bool = False) -> Face:
        surface = read_surface(sample.file, unit=self.unit)
        truth = read_truth(sample.more[0], surface).named(self.names)
        unit = surface.unit or truth.unit
        if unit is None:
            raise FileFormatError(f"neither {sample.file} nor its landmark file states a unit; give it with --unit")
        factor = in_mm(truth.unit or unit) / in_mm(unit)
        nowhere = np.full(3, np.nan)
        places = [factor * np.asarray(truth.positions.get(label, nowhere)) for label in self.labels]
        return Face(surface.with_(unit=unit), np.array(places))

    def _people(self) -> dict[str, tuple[str, str]]:
        """Name of a mesh file -> subject and condition."""
        path = self.root / SUBJECTS
        if not path.is_file():
            return {}
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = list(csv.DictReader(stream, skipinitialspace=True))
            people = {
                row["file"].strip(): (row["subject"].strip(), (row.get("condition") or "").strip()) for row in rows
            }
        except (KeyError, AttributeError, ValueError, csv.Error) as error:
            raise FileFormatError(f"cannot read {path}: it needs the columns file and subject ({error!r})") from error
        return _checked(people, path)


def _checked(people: dict[str, tuple[str, str]], path: Path) -> dict[str, tuple[str, str]]:
    absent = [name for name in people if not path.with_name(name).is_file()]
    if absent:
        raise FileFormatError(f"{path} names {absent[0]}, which is not in its folder")
    return people
