"""Which files are read and which are written, decided before any work starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sgcn_core.io.formats import IMAGE_SUFFIXES, LANDMARK_SUFFIXES, MESH_SUFFIXES, landmark_suffix, volume_suffix


class PlanError(ValueError):
    """The files asked for do not go together; the message says why."""


@dataclass(frozen=True)
class Job:
    """One input and what is written for it.

    Attributes
    ----------
    source : Path
        The mesh or volume; a folder for a DICOM series.
    landmarks : Path
        The landmark file.
    picture : Path or None
        The picture, if one was asked for.
    may_replace : bool
        Whether a landmark file that exists already may be replaced: it may hold somebody's corrections.
    """

    source: Path
    landmarks: Path
    picture: Path | None = None
    may_replace: bool = False


@dataclass(frozen=True)
class Request:
    """What the command line says about files.

    Attributes
    ----------
    inputs : tuple of Path
        Meshes, volumes and folders.
    output : Path or None
        The landmark file, for a single input.
    output_dir : Path or None
        The folder of the landmark files; beside the inputs if neither is given.
    suffix : str or None
        Format, as the landmark file's suffix; taken from `output`, or .mrk.json, if not given.
    picture : Path or None
        A PNG file for a single input, or a folder.
    overwrite : bool
        Replace landmark files that exist; one that `output` names is replaced anyway.
    """

    inputs: tuple[Path, ...]
    output: Path | None = None
    output_dir: Path | None = None
    suffix: str | None = None
    picture: Path | None = None
    overwrite: bool = False


def plan(request: Request) -> list[Job]:
    """Every job, in order; a folder stands for the meshes, volumes and DICOM folders in it, sorted by name, or for its
    own DICOM series.

    Raises
    ------
    PlanError
        Contradictory options, an output that would replace an input, a folder with nothing to read.
    """
    sources = _sources(request.inputs)
    suffix = _suffix(request)
    if request.output is not None and request.output_dir is not None:
        raise PlanError("give --output or --output-dir, not both")
    if request.output is not None and len(sources) > 1:
        raise PlanError(f"--output names one file, but there are {len(sources)} inputs; use --output-dir")
    if request.output is not None:
        jobs = [Job(sources[0], request.output, may_replace=True)]
    else:
        jobs = [
            Job(source, folder / f"{name}{suffix}", may_replace=request.overwrite)
            for source, folder, name in _named(sources, request.output_dir)
        ]
    jobs = _with_pictures(jobs, request.picture)
    _refuse_to_replace_inputs(jobs)
    return jobs


def _sources(inputs: Sequence[Path]) -> list[Path]:
    """Folders replaced by what they hold; each file once."""
    found: dict[Path, Path] = {}
    for given in inputs:
        members = [given]
        if given.is_dir():
            members = _members(given)
        for member in members:
            found.setdefault(_identity(member), member)
    return list(found.values())


def _identity(path: Path) -> Path:
    """The file behind links; links in a circle stand for themselves."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def _members(folder: Path) -> list[Path]:
    from sgcn_core.io.dicom import is_dicom_folder

    suffixes = (*MESH_SUFFIXES, *IMAGE_SUFFIXES)
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    members = [entry for entry in entries if entry.name.lower().endswith(suffixes) and entry.is_file()]
    if not members and is_dicom_folder(folder):
        return [folder]
    members = sorted([*members, *(entry for entry in entries if entry.is_dir() and is_dicom_folder(entry))])
    if not members:
        raise PlanError(f"no mesh, volume or DICOM series in folder {folder}; looked for {', '.join(suffixes)}")
    return members


def _suffix(request: Request) -> str:
    implied = landmark_suffix(request.output) if request.output is not None else None
    if request.output is not None and implied is None:
        raise PlanError(f"--output must end in {', '.join(LANDMARK_SUFFIXES)}; received '{request.output.name}'")
    if implied and request.suffix and implied != request.suffix:
        raise PlanError(f"--output '{request.output}' and --format {request.suffix.lstrip('.')} contradict each other")
    return request.suffix or implied or LANDMARK_SUFFIXES[0]


def _named(sources: Sequence[Path], folder: Path | None) -> list[tuple[Path, Path, str]]:
    """(source, folder, name) with names that differ within a folder, also where upper and lower case are the same.

    A stem shared by two inputs gives way to the whole name (scan.ply, scan.obj), a shared name to a number.
    """
    homes = [folder or source.parent for source in sources]
    stems = Counter((home, _stem_of(source).lower()) for home, source in zip(homes, sources, strict=True))
    taken: set[tuple[Path, str]] = set()
    named = []
    for home, source in zip(homes, sources, strict=True):
        stem = _stem_of(source)
        base = stem if stems[home, stem.lower()] == 1 else source.name
        name, number = base, 1
        while (home, name.lower()) in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add((home, name.lower()))
        named.append((source, home, name))
    return named


def _stem_of(source: Path) -> str:
    """The name without its suffix, which may be two (.nii.gz); that of a folder whole."""
    return source.name if source.is_dir() else source.name[: -len(volume_suffix(source) or source.suffix) or None]


def _with_pictures(jobs: list[Job], picture: Path | None) -> list[Job]:
    if picture is None:
        return jobs
    if picture.suffix.lower() == ".png" and not picture.is_dir():
        if len(jobs) > 1:
            raise PlanError(f"--picture names one file, but there are {len(jobs)} inputs; give a folder")
        return [replace(jobs[0], picture=picture)]
    if picture.suffix and not picture.is_dir():
        raise PlanError(f"--picture must be a .png file or a folder; received '{picture.name}'")
    return [replace(job, picture=picture / f"{_stem(job.landmarks)}.png") for job in jobs]


def _stem(landmarks: Path) -> str:
    return landmarks.name[: -len(landmark_suffix(landmarks) or landmarks.suffix)]


def _refuse_to_replace_inputs(jobs: Sequence[Job]) -> None:
    sources = {_identity(job.source) for job in jobs}
    for job in jobs:
        for written in (job.landmarks, job.picture):
            if written is not None and _identity(written) in sources:
                raise PlanError(f"'{written}' is an input and would be replaced")
