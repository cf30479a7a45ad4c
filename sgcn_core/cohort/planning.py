"""Cases of a cohort: from folders or a list of files to what is read and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sgcn_core.batch import PlanError, Request, plan
from sgcn_core.cohort.case import Case
from sgcn_core.io.formats import without_suffix
from sgcn_core.io.provenance import printable

LIST_SUFFIXES: tuple[str, ...] = (".txt", ".lst")


def cases_of(
    inputs: Sequence[Path],
    output: Path,
    *,
    suffix: str | None = None,
    pictures: bool = False,
    overwrite: bool = False,
    anonymous: bool = False,
    also_read: Sequence[Path] = (),
) -> list[Case]:
    """The cases of meshes, volumes, folders (searched below) and lists of such, sorted by name.

    Parameters
    ----------
    inputs : sequence of Path
    output : Path
        The folder of the results, with the subfolders of the inputs.
    suffix : str, optional
        Format of the landmark files, by default ``.mrk.json``.
    pictures : bool
        Whether a picture is drawn beside each landmark file.
    overwrite : bool
        Replace results that are there.
    anonymous : bool
        Leave the names of the inputs out of the results.
    also_read : sequence of Path
        Further files that are read and must not be replaced.

    Raises
    ------
    PlanError
        Nothing to read, or outputs that would replace inputs.
    """
    listed = [read_list(given) if given.suffix.lower() in LIST_SUFFIXES else [given] for given in inputs]
    if pictures:
        output.mkdir(parents=True, exist_ok=True)  # so that its name can hold a dot
    jobs = plan(
        Request(
            tuple(path for paths in listed for path in paths),
            output_dir=output,
            suffix=suffix,
            picture=output if pictures else None,
            overwrite=overwrite,
            also_read=tuple(also_read),
            search_below=True,
        )
    )
    named = [Case(printable(without_suffix(job.landmarks, below=output)), job, anonymous) for job in jobs]
    return sorted(named, key=lambda case: case.name)


def read_list(path: Path) -> list[Path]:
    """The inputs in a text file, one a line, from its folder on; empty lines and those after ``#`` are left out.

    Raises
    ------
    PlanError
        The list cannot be read, is empty, or names a file that does not exist.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    except OSError as error:
        raise PlanError(f"the list {path} cannot be read: {error.strerror}") from error
    listed = [path.parent / line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not listed:
        raise PlanError(f"the list {path} names no file; write one path a line")
    if lacking := [each for each in listed if not each.exists()]:
        raise PlanError(f"the list {path} names {len(lacking)} files that do not exist, the first is {lacking[0]}")
    return listed
