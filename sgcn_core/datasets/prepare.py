"""Preparing a dataset: the graphs of all its faces with their landmarks, written once, and a manifest.

A run that was interrupted goes on where it ended: a face whose file is there, made with the same settings from the same
input, is not made again. Every file appears whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sgcn_core import __version__
from sgcn_core.datasets.base import Face, FaceDataset, Sample
from sgcn_core.datasets.pose import Frame, frame_of, posed_by
from sgcn_core.datasets.splits import Split
from sgcn_core.errors import FaceNotFoundError, FileFormatError, SettingsError, SurfaceError
from sgcn_core.geometry.similarity import Similarity, scaling, standardise_paper
from sgcn_core.graph.coarse import prototype
from sgcn_core.graph.face_graph import build_face_graph
from sgcn_core.graph.fine import fine_neighbours, spatial_order
from sgcn_core.io.atomic import replacing, write_text
from sgcn_core.io.provenance import printable
from sgcn_core.sampling.poisson_disk import sample_poisson_disk
from sgcn_core.types.units import in_mm

FloatArray = NDArray[np.float64]

FORMAT = "sgcn-landmarks dataset 1"
MANIFEST, CASES = "manifest.json", "cases"
CROPS: tuple[str, ...] = ("canonical", "paper")
"""``canonical``: upright by its landmarks, what is within the crop of this package, a fixed scale, as detection sees a
face. ``paper``: the dataset's own axes and crop, each face scaled into [-1, 1] (section 3.2)."""

_UNUSABLE = (FileFormatError, SurfaceError, FaceNotFoundError, OSError)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the graphs are made.

    Attributes
    ----------
    nodes : |V|, 8000 in the paper
    neighbours : k of the fine graph, the node itself included
    crop : one of ``CROPS``
    seed : of the sampling
    """

    nodes: int = 8000
    neighbours: int = 16
    crop: str = "canonical"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.crop not in CROPS:
            raise SettingsError(f"unknown crop {self.crop!r}; choose from {', '.join(CROPS)}")
        if not self.neighbours <= self.nodes <= 2**16:
            raise SettingsError(f"nodes must be {self.neighbours} (the neighbours) to 65536; received {self.nodes}")


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a run did.

    Attributes
    ----------
    manifest : Path
    made, kept : number of faces made now, and of those that were there
    failed : mapping of key to str
        Why a face is not among them.
    """

    manifest: Path
    made: int
    kept: int
    failed: dict[str, str] = field(default_factory=dict)


def prepare_dataset(
    dataset: FaceDataset,
    out: Path,
    split: Split,
    settings: Settings | None = None,
    *,
    overwrite: bool = False,
    report: Callable[[str, float], None] | None = None,
) -> Prepared:
    """Write ``cases/KEY.npz`` of every face of the split's subjects, and ``manifest.json``.

    Parameters
    ----------
    dataset, split, settings
    out : Path
        Made where absent; never the dataset's own folder.
    overwrite : bool
        Whether graphs made with other settings are replaced.
    report : called with each face that is done and the share of all

    Raises
    ------
    FileFormatError
        The folder holds graphs of another dataset or other settings, or no face could be prepared.
    """
    settings = settings or Settings()
    samples = [sample for sample in dataset.samples if split.part_of(sample.subject) is not None]
    _check_folder(dataset, out, settings, overwrite=overwrite)
    (out / CASES).mkdir(parents=True, exist_ok=True)
    _begin(dataset, out, settings)
    frame = frame_of(dataset, [each for each in samples if split.part_of(each.subject) == "train"], settings.crop)
    task = _Task(dataset, frame, settings, out / CASES)
    entries, failed, made = list[dict[str, Any]](), dict[str, str](), 0
    for number, (sample, done) in enumerate(zip(samples, map(task, samples), strict=True), start=1):
        if report is not None:
            report(sample.key, number / len(samples))
        if done.problem is not None:
            failed[sample.key] = printable(done.problem).replace(str(dataset.root), ".")
            continue
        made += done.made
        entries.append(_entry(dataset, sample, split, done.stamp, task.path(sample)))
    if not entries:
        raise FileFormatError(
            f"no face of {dataset.root} could be prepared; the first: {next(iter(failed.values()), '-')}"
        )
    write_text(out / MANIFEST, _manifest(dataset, split, settings, frame, entries, failed, out))
    return Prepared(out / MANIFEST, made, len(entries) - made, failed)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared folder.

    Raises
    ------
    FileFormatError
        There is none, or it is damaged or of another version.
    """
    path = Path(folder) / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(
            f"cannot read {path}: {error}; name a folder that `sgcn-landmarks prepare` wrote"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileFormatError(f"{path} is no manifest of format {FORMAT!r}; prepare the dataset again")
    return content


@dataclass(frozen=True)
class _Done:
    """What was made of one face: its stamp, whether it was made now, or why not."""

    stamp: str = ""
    made: bool = False
    problem: str | None = None


@dataclass(frozen=True, eq=False)
class _Task:
    """Makes the file of one face."""

    dataset: FaceDataset
    frame: Frame
    settings: Settings
    folder: Path

    def path(self, sample: Sample) -> Path:
        return self.folder / f"{sample.key}.npz"

    def __call__(self, sample: Sample) -> _Done:
        path = self.path(sample)
        try:
            stamp = self.stamp(sample)
            arrays = self.case(sample) if _stamp_of(path) != stamp else None
        except _UNUSABLE as error:
            return _Done(problem=str(error))
        if arrays is not None:
            _write(path, arrays, stamp)
        return _Done(stamp, made=arrays is not None)

    @cached_property
    def _common(self) -> str:
        """What all faces are made with."""
        dataset = self.dataset
        paths = (dataset.root / name for name in dataset.shared)
        files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()]
        return json.dumps([FORMAT, dataset.name, dataset.unit, asdict(self.settings), self.frame.digest, files])

    def stamp(self, sample: Sample) -> str:
        """Hash of the input files and of all that decides what is made of them."""
        digest = hashlib.sha256(self._common.encode())
        for path in (sample.file, *sample.more):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def case(self, sample: Sample) -> dict[str, NDArray[Any]]:
        face = self.dataset.read(sample, cropped=self.settings.crop == "paper" and bool(self.dataset.paper_crop))
        factor = in_mm(face.surface.unit or "mm")
        make = self._paper if self.settings.crop == "paper" else self._canonical
        nodes, normals, to_normalised = make(face, factor)
        return {
            "nodes": nodes.astype(np.float32),
            "normals": normals.astype(np.float32),
            "neighbours": fine_neighbours(nodes, self.settings.neighbours).astype(np.uint16),
            "landmarks": to_normalised.apply(face.landmarks),
            "to_normalised": to_normalised.as_matrix(),
            "millimetres": np.array(factor / to_normalised.scale),
        }

    def _canonical(self, face: Face, factor: float) -> tuple[FloatArray, FloatArray, Similarity]:
        """Upright by the landmarks, cropped around the mean ones, scaled by the crop's radius."""
        to_head = posed_by(factor * face.landmarks, self.frame.reference)
        to_normalised = self.frame.from_head @ to_head @ scaling(factor)
        graph = build_face_graph(
            face.surface.vertices,
            face.surface.faces,
            to_normalised,
            self.frame.from_head.apply(self.frame.reference[np.isfinite(self.frame.reference).all(axis=1)]),
            margin=self.frame.margin / self.frame.radius,
            count=self.settings.nodes,
            neighbours=self.settings.neighbours,
            seed=self.settings.seed,
        )
        return graph.nodes, graph.normals, to_normalised

    def _paper(self, face: Face, factor: float) -> tuple[FloatArray, FloatArray, Similarity]:
        """The whole surface in its own axes, by the mean and the largest coordinate of its nodes."""
        samples = sample_poisson_disk(
            face.surface.vertices, face.surface.faces, self.settings.nodes, seed=self.settings.seed
        )
        samples = samples.take(spatial_order(samples.points))
        to_normalised = standardise_paper(samples.points)
        return to_normalised.apply(samples.points), samples.normals, to_normalised


def _check_folder(dataset: FaceDataset, out: Path, settings: Settings, *, overwrite: bool) -> None:
    if out.exists() and out.resolve() == dataset.root.resolve():
        raise FileFormatError(f"{out} is the dataset itself; name another folder for what is prepared")
    if (out / MANIFEST).is_file() and not overwrite:
        before = read_manifest(out)
        if (before["dataset"], before["settings"]) != (dataset.name, asdict(settings)):
            raise FileFormatError(
                f"{out} holds {before['dataset']} prepared with {before['settings']}; give --overwrite, or "
                "another folder"
            )


def _begin(dataset: FaceDataset, out: Path, settings: Settings) -> None:
    """A manifest without faces: what an interrupted run was making is known, and nothing trains on half of it."""
    start = {"format": FORMAT, "dataset": dataset.name, "settings": asdict(settings), "cases": []}
    write_text(out / MANIFEST, json.dumps(start, indent=1) + "\n")


def _write(path: Path, arrays: dict[str, NDArray[Any]], stamp: str) -> None:
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, stamp=np.array(stamp), **arrays)  # type: ignore[arg-type]


def _stamp_of(path: Path) -> str | None:
    """What a file was made from; None where there is none, or a damaged one."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return str(archive["stamp"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _entry(dataset: FaceDataset, sample: Sample, split: Split, stamp: str, path: Path) -> dict[str, Any]:
    return {
        "key": sample.key,
        "subject": sample.subject,
        "condition": sample.condition,
        "part": split.part_of(sample.subject),
        "file": sample.file.relative_to(dataset.root).as_posix(),
        "stamp": stamp,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _manifest(
    dataset: FaceDataset,
    split: Split,
    settings: Settings,
    frame: Frame,
    entries: Sequence[dict[str, Any]],
    failed: dict[str, str],
    out: Path,
) -> str:
    truth = [_landmarks(out / CASES / f"{entry['key']}.npz") for entry in entries if entry["part"] == "train"]
    if not truth:
        raise FileFormatError("no face of the training subjects could be prepared; see the messages about them")
    there = np.asarray(np.isfinite(truth).all(axis=2).any(axis=0))
    if absent := [label for label, known in zip(dataset.labels, there.tolist(), strict=True) if not known]:
        raise FileFormatError(
            f"no training face has the landmarks {', '.join(absent[:5])}; leave them out, or add faces"
        )
    mean = prototype(np.array(truth))
    apart = np.linalg.norm(np.array(truth) - mean, axis=2)
    content = {
        "format": FORMAT,
        "dataset": dataset.name,
        "title": dataset.title,
        "version": __version__,
        "settings": asdict(settings),
        "crop": dataset.paper_crop or "none" if settings.crop == "paper" else frame.as_dict(),
        "unit": dataset.unit,
        "labels": list(dataset.labels),
        "prototype": mean.tolist(),
        "deviation": np.sqrt(np.nanmean(apart**2, axis=0)).tolist(),
        "split": split.as_dict(),
        "cases": list(entries),
        "failed": failed,
        "sha256": hashlib.sha256("".join(entry["sha256"] for entry in entries).encode()).hexdigest(),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _landmarks(path: Path) -> FloatArray:
    with np.load(path, allow_pickle=False) as archive:
        return np.asarray(archive["landmarks"], dtype=np.float64)
