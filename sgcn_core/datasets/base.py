"""What every dataset gives: its samples, their surfaces with landmarks, and the experiments of the paper on it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import checked_unit

FloatArray = NDArray[np.float64]

IBUG68 = tuple(f"ibug{number}" for number in range(68))
"""Labels of the 68 points in the order of the iBUG scheme."""


@dataclass(frozen=True)
class Sample:
    """One face of a dataset, before it is read.

    Attributes
    ----------
    key : str
        Unique in the dataset and safe as a file name.
    subject : str
        Who it is: a split keeps all faces of a subject together.
    condition : str
        Expression or emotion as the dataset names it; "" where it does not.
    file : Path
        The surface.
    more : tuple of Path
        Other files that its landmarks are read from.
    attributes : mapping of str to str
        What else the dataset states, such as a pose.
    """

    key: str
    subject: str
    condition: str
    file: Path
    more: tuple[Path, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, eq=False)
class Camera(ReadOnlyArrays):
    """How a mesh of DAD-3DHeads is seen in its image.

    Attributes
    ----------
    model_view, projection : (4, 4)
    box : (4,), bounding box of the head in the image: x, y, width, height, pixels
    """

    model_view: FloatArray
    projection: FloatArray
    box: FloatArray

    def project(self, points: FloatArray) -> FloatArray:
        """Pixels (L, 2) of points (L, 3); y upwards from the lower edge of the image."""
        ahead = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ (self.projection @ self.model_view).T
        seen: FloatArray = ahead[:, :2] / ahead[:, 3:]
        return seen

    def normalised_error(self, found: FloatArray, truth: FloatArray) -> float:
        """NME of DAD-3DHeads' benchmark: mean distance in the image over the root of the box's area, without NaN.

        References
        ----------
        T. Martyniuk et al., "DAD-3DHeads", CVPR 2022; ``dad_3dheads_benchmark/benchmark.py``, there times 100.
        """
        apart = np.linalg.norm(self.project(found) - self.project(truth), axis=1)
        return float(np.nanmean(apart) / np.sqrt(self.box[2] * self.box[3]))


@dataclass(frozen=True, eq=False)
class Face:
    """A face with its landmarks.

    Attributes
    ----------
    surface : Surface
        Its unit is stated.
    landmarks : (L, 3)
        In the unit and axes of the surface, in the order of the dataset's labels; NaN where there is none.
    camera : Camera or None
    """

    surface: Surface
    landmarks: FloatArray
    camera: Camera | None = None


@dataclass(frozen=True)
class Experiment:
    """Training set and test sets of a column of the paper's tables.

    Attributes
    ----------
    name : str
    train : tuple of str
        Conditions of the training subjects; empty: all.
    tests : mapping of str to tuple of str
        Name of a test set -> conditions of the test subjects; empty: all.
    paper : mapping of str to str
        Name of a test set -> what the paper reports for 2S-SGCN, millimetres.
    """

    name: str
    train: tuple[str, ...]
    tests: Mapping[str, tuple[str, ...]] = field(hash=False)
    paper: Mapping[str, str] = field(default_factory=dict, hash=False)


class FaceDataset(ABC):
    """A dataset on disk.

    Parameters
    ----------
    root : Path
    unit : str, optional
        Of the coordinates, instead of the one that is assumed for the dataset.

    Attributes
    ----------
    name, title : str
    experiments : tuple of Experiment
    upright : bool
        Whether the meshes' axes are taken as those of the head: +x the subject's left, +y up, +z out of the face.
    paper_crop : str
        What ``cropped=True`` keeps, in words; empty where the paper crops nothing.
    assumed_unit : str or None
    shared : tuple of str
        Files in the root that all faces are read with.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    experiments: ClassVar[tuple[Experiment, ...]]
    upright: ClassVar[bool] = True
    paper_crop: ClassVar[str] = ""
    assumed_unit: ClassVar[str | None] = "mm"
    shared: ClassVar[tuple[str, ...]] = ()

    def __init__(self, root: Path, *, unit: str | None = None) -> None:
        self.root = Path(root)
        self.unit = self.assumed_unit if unit is None else checked_unit(unit)
        if not self.root.is_dir():
            raise FileNotFoundError(f"no such folder: {root}; name the folder of {self.title}")

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """Names of the landmarks."""

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """All annotated faces, in the order of their keys.

        Raises
        ------
        FileFormatError
            The folder is laid out otherwise; says what was expected and what is there.
        """
        found = tuple(sorted(self.find(), key=lambda sample: sample.key))
        if not found:
            raise FileFormatError(f"{self.root} holds no annotated face of {self.title}. {self.expected()}")
        return found

    @abstractmethod
    def find(self) -> Iterable[Sample]:
        """The samples, in any order."""

    @abstractmethod
    def layout(self) -> str:
        """What is expected below the root, in one sentence."""

    @abstractmethod
    def read(self, sample: Sample, *, cropped: bool = False) -> Face:
        """A face; ``cropped`` as in the paper.

        Raises
        ------
        FileFormatError, SurfaceError
            A file is damaged, or does not fit the others.
        """

    def expected(self) -> str:
        """What the layout should be and what is there, for messages."""
        there = sorted(entry.name + "/" * entry.is_dir() for entry in self.root.iterdir())[:8]
        return f"Expected: {self.layout()}. Found there: {', '.join(there) or 'nothing'}"

    def needed(self, *names: str, why: str) -> Path:
        """The first of these files that lies in the root.

        Raises
        ------
        FileFormatError
        """
        there = next((path for path in (self.root / name for name in names) if path.is_file()), None)
        if there is None:
            raise FileFormatError(f"{self.root} has no {' or '.join(names)}, {why}. {self.expected()}")
        return there


def at_vertices(surface: Surface, numbers: NDArray[np.int64], source: str) -> FloatArray:
    """Positions of vertices by their numbers, from 0; FileFormatError names the file they come from."""
    if len(numbers) and not (numbers.min() >= 0 and numbers.max() < len(surface.vertices)):
        raise FileFormatError(
            f"{source} refers to vertices {numbers.min()} to {numbers.max()}, but {surface.source or 'the mesh'} has "
            f"{len(surface.vertices)}; it is of another topology"
        )
    places: FloatArray = surface.vertices[numbers].copy()
    return places


def read_json(path: Path) -> Any:
    """Content of a JSON file of a dataset; FileFormatError where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(f"cannot read {path} as JSON: {error}; unpack it again") from error
