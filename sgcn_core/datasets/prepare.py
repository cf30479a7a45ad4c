"""Preparing a dataset: the graphs of all its faces with their landmarks, written once, and a manifest.

A run that was interrupted goes on where it ended: a face whose file is there, made with the same settings from the same
input, is not made again. Every file appears whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sgcn_core import __version__
from sgcn_core.datasets.base import FaceDataset, Sample
from sgcn_core.datasets.cases import CaseMaker, Settings, landmarks_of, stamp_of, write_case
from sgcn_core.datasets.manifest import CASES, FORMAT, MANIFEST, read_manifest
from sgcn_core.datasets.pose import Frame, frame_of
from sgcn_core.datasets.splits import Split
from sgcn_core.errors import FaceNotFoundError, FileFormatError, SurfaceError
from sgcn_core.graph.coarse import prototype
from sgcn_core.io.atomic import write_text
from sgcn_core.io.provenance import printable

_UNUSABLE = (FileFormatError, SurfaceError, FaceNotFoundError, OSError)


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
    maker = CaseMaker(dataset, frame, settings)
    entries, failed, made = list[dict[str, Any]](), dict[str, str](), 0
    for number, sample in enumerate(samples, start=1):
        path = _case_file(out, sample.key)
        try:
            stamp = maker.stamp(sample)
            arrays = maker.case(sample) if stamp_of(path) != stamp else None
        except _UNUSABLE as error:
            failed[sample.key] = printable(str(error)).replace(str(dataset.root), ".")
        else:
            if arrays is not None:
                write_case(path, arrays, stamp)
                made += 1
            entries.append(_entry(dataset, sample, split, stamp, path))
        if report is not None:
            report(sample.key, number / len(samples))
    if not entries:
        raise FileFormatError(
            f"no face of {dataset.root} could be prepared; the first: {next(iter(failed.values()), '-')}"
        )
    write_text(out / MANIFEST, _manifest(dataset, split, settings, frame, entries, failed, out))
    return Prepared(out / MANIFEST, made, len(entries) - made, failed)


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


def _case_file(out: Path, key: str) -> Path:
    return out / CASES / f"{key}.npz"


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
    truth = [landmarks_of(_case_file(out, entry["key"])) for entry in entries if entry["part"] == "train"]
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
