"""Plan of a batch: which files are read and written, decided before any work starts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sgcn_core.io.formats import (
    IMAGE_SUFFIXES,
    MESH_SUFFIXES,
    WRITABLE_LANDMARK_SUFFIXES,
    landmark_suffix,
    without_suffix,
)
from sgcn_core.io.referred_files import referred_files

_SUFFIXES = (*MESH_SUFFIXES, *IMAGE_SUFFIXES)


class PlanError(ValueError):
    """The requested files contradict each other; the message says why."""


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
    may_replace_picture : bool
        The same of the picture, which may be anybody's.
    """

    source: Path
    landmarks: Path
    picture: Path | None = None
    may_replace: bool = False
    may_replace_picture: bool = False


@dataclass(frozen=True)
class Request:
    """Files named on the command line.

    Attributes
    ----------
    inputs : tuple of Path
        Meshes, volumes and folders.
    output : Path or None
        The landmark file, for a single input.
    output_dir : Path or None
        The folder of the landmark files, with the subfolders of the inputs; beside the inputs if neither
        is given.
    suffix : str or None
        Format, as the landmark file's suffix; taken from `output`, or .mrk.json, if not given.
    picture : Path or None
        A PNG file for a single input, or a folder.
    overwrite : bool
        Overwrite existing landmark files and pictures; those named by `output` and `picture` always are.
    table : Path or None
        The CSV file of all results.
    also_read : tuple of Path
        Further files that are read and must not be replaced: weights, initial landmarks.
    search_below : bool
        Search folders within folders, too; DICOM series one folder below are found anyway.
    """

    inputs: tuple[Path, ...]
    output: Path | None = None
    output_dir: Path | None = None
    suffix: str | None = None
    picture: Path | None = None
    overwrite: bool = False
    table: Path | None = None
    also_read: tuple[Path, ...] = ()
    search_below: bool = False


def plan(request: Request) -> list[Job]:
    """Every job, in order; a folder stands for the meshes, volumes and DICOM series in it, sorted by name.

    Names of results depend on the inputs but not on their order. Below a folder of results, folders are mirrored from
    the innermost folder on that holds all inputs.

    Raises
    ------
    PlanError
        Contradictory options, an output that would replace an input or another output, a folder without inputs.
    """
    sources = _sources(request.inputs, search_below=request.search_below)
    suffix = _suffix(request)
    if request.output is not None and request.output_dir is not None:
        raise PlanError("give --output or --output-dir, not both")
    if request.output is not None and len(sources) > 1:
        raise PlanError(f"--output names one file, but there are {len(sources)} inputs; use --output-dir")
    if request.table is not None and request.table.suffix.lower() != ".csv":
        raise PlanError(f"--table must end in .csv; received '{request.table.name}'")
    base = _common_folder(request.inputs)
    places = [_place_below(source, base) for source in sources]
    if request.output_dir is None:
        homes = [source.parent for source in sources]
    else:
        homes = [request.output_dir / place for place in places]
    names = _names(sources, homes)
    pictures = _pictures(request, sources, places, names)
    one_picture = request.picture is not None and pictures[0] == request.picture
    jobs = [
        Job(
            source,
            request.output or home / f"{name}{suffix}",
            picture,
            may_replace=request.overwrite or request.output is not None,
            may_replace_picture=request.overwrite or one_picture,
        )
        for source, home, name, picture in zip(sources, homes, names, pictures, strict=True)
    ]
    outputs = [path for job in jobs for path in (job.landmarks, job.picture)] + [request.table]
    check_outputs([path for path in outputs if path is not None], [*sources, *request.also_read])
    return jobs


def check_outputs(outputs: Sequence[Path], inputs: Iterable[Path]) -> None:
    """Refuse outputs that are the same file as an input, as a file that belongs to one, or as another output.

    Raises
    ------
    PlanError
    """
    inputs = list(inputs)
    read = {_identity(path): path for path in inputs}
    if any(path.exists() for path in outputs):
        belonging = {other: path for path in inputs for other in referred_files(path)}
    else:
        belonging = {}
    referred = {_identity(other): path for other, path in belonging.items()}
    written: set[object] = set()
    for path in outputs:
        identity = _identity(path)
        if identity in read:
            raise PlanError(f"'{path}' is an input and would be replaced; choose another name for the output")
        if identity in referred:
            raise PlanError(f"'{path}' belongs to the input '{referred[identity]}' and would be replaced")
        if identity in written:
            raise PlanError(f"'{path}' would be written twice; choose different names")
        written.add(identity)


def _identity(path: Path) -> object:
    """The same for two names of one file; of a file that does not exist, whatever upper and lower case."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return os.path.realpath(path).casefold()
    return found.st_dev, found.st_ino


def _sources(inputs: Sequence[Path], *, search_below: bool) -> list[Path]:
    """Folders replaced by what they hold; each file once."""
    found: dict[object, Path] = {}
    for given in inputs:
        members = [given]
        if given.is_dir():
            folder = Path(os.path.abspath(given)) if given.name in ("", "..") else given
            members = list(_members(folder, search_below))
            if not members:
                looked_for = ", ".join(_SUFFIXES)
                raise PlanError(f"no mesh, volume or DICOM series in folder {given}; looked for {looked_for}")
        for member in members:
            found.setdefault(_identity(member), member)
    return list(found.values())


def _members(folder: Path, below: bool) -> Iterator[Path]:
    """The files to read in a folder, the folder itself where it holds a DICOM series, and what its folders hold."""
    from sgcn_core.io.dicom import is_dicom_folder

    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    if is_dicom_folder(folder):
        yield folder
    for entry in entries:
        if entry.name.lower().endswith(_SUFFIXES) and entry.is_file():
            yield entry
        elif entry.is_dir() and below and not entry.is_symlink():
            yield from _members(entry, below)
        elif entry.is_dir() and is_dicom_folder(entry):
            yield entry


def _suffix(request: Request) -> str:
    implied = landmark_suffix(request.output) if request.output is not None else None
    if request.output is not None and implied not in WRITABLE_LANDMARK_SUFFIXES:
        raise PlanError(
            f"--output must end in {', '.join(WRITABLE_LANDMARK_SUFFIXES)}; received '{request.output.name}'"
        )
    if implied and request.suffix and implied != request.suffix:
        raise PlanError(f"--output '{request.output}' and --format {request.suffix.lstrip('.')} contradict each other")
    if request.suffix is not None and request.suffix not in WRITABLE_LANDMARK_SUFFIXES:
        formats = ", ".join(suffix.lstrip(".") for suffix in WRITABLE_LANDMARK_SUFFIXES)
        raise PlanError(f"--format must be one of {formats}; received '{request.suffix.lstrip('.')}'")
    return request.suffix or implied or WRITABLE_LANDMARK_SUFFIXES[0]


def _common_folder(inputs: Sequence[Path]) -> str:
    """The innermost folder that holds all inputs; empty where they lie on different drives."""
    folders = [os.path.abspath(given if given.is_dir() else given.parent) for given in inputs]
    try:
        return os.path.commonpath(folders)
    except ValueError:
        return ""


def _place_below(source: Path, base: str) -> Path:
    """The folder of an input, from the common folder on."""
    folder = Path(os.path.abspath(source.parent))
    if not base:
        return Path(folder.drive.strip(":\\/") or "_", *folder.parts[1:])
    return folder.relative_to(base) if folder.is_relative_to(base) else Path()


def _names(sources: Sequence[Path], homes: Sequence[Path]) -> list[str]:
    """Names of the results without suffix, which differ within a folder even where upper and lower case are the same.

    A stem shared by two inputs gives way to the whole name (scan.ply, scan.obj); whole names that differ only in case
    are numbered in their order.
    """
    names = [without_suffix(source) for source in sources]
    while True:
        count = Counter((home, name.lower()) for home, name in zip(homes, names, strict=True))
        shared = [i for i, key in enumerate(zip(homes, names, strict=True)) if count[key[0], key[1].lower()] > 1]
        changed = [i for i in shared if names[i] != sources[i].name]
        if not changed:
            break
        for i in changed:
            names[i] = sources[i].name
    for number, i in enumerate(sorted(shared, key=lambda i: str(sources[i])), start=1):
        names[i] = f"{names[i]}-{number}"
    return names


def _pictures(
    request: Request, sources: Sequence[Path], places: Sequence[Path], names: Sequence[str]
) -> list[Path | None]:
    picture = request.picture
    if picture is None:
        return [None] * len(sources)
    if picture.suffix.lower() == ".png" and not picture.is_dir():
        if len(sources) > 1:
            raise PlanError(f"--picture names one file, but there are {len(sources)} inputs; give a folder")
        return [picture]
    if picture.suffix and not picture.is_dir():
        raise PlanError(f"--picture must be a .png file or a folder; received '{picture.name}'")
    if request.output is not None:
        names = [without_suffix(request.output)]
    return [picture / place / f"{name}.png" for place, name in zip(places, names, strict=True)]
