"""The cases of a folder, and what has become of each. No Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LANDMARKS_SUFFIX = ".mrk.json"
_SKIN_SUFFIX = ".skin.npz"

WAITING, RUNNING, OK, REFUSED, FAILED, CANCELLED = "waiting", "running", "ok", "refused", "failed", "cancelled"
ENDED = (OK, REFUSED, FAILED, CANCELLED)
"""`REFUSED`: the file was read, and no landmarks could be placed on what it shows. `FAILED`: anything else."""


@dataclass
class Case:
    """One input.

    Attributes
    ----------
    source : Path
        A mesh, a volume or a folder of DICOM files.
    landmarks : Path
        The landmark file, which is there once the case is ok.
    skin : Path or None
        For a volume, the file that gets the skin that the landmarks lie on.
    status : str
        One of the constants of this module.
    reason : str
        Why it was refused or failed, or a remark.
    counts : mapping
        How many landmarks are "found", "uncertain" and "missing"; empty unless ok.
    seconds : float or None
    """

    source: Path
    landmarks: Path
    skin: Path | None = None
    status: str = WAITING
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None

    @property
    def name(self) -> str:
        """Differs from that of every other case of a batch."""
        return self.landmarks.name.removesuffix(LANDMARKS_SUFFIX)

    @property
    def can_be_reviewed(self) -> bool:
        """Whether there are landmarks to look at."""
        return self.status == OK and self.landmarks.is_file()


def find_cases(folder: Path, output: Path) -> list[Case]:
    """The meshes, volumes and DICOM series in a folder, in the order of their names.

    Parameters
    ----------
    folder : Path
        Folders within it count where they hold DICOM files.
    output : Path
        The folder of the landmark files; need not exist.

    Raises
    ------
    ValueError
        There is no such folder, or nothing to read in it.
    OSError
        The folder cannot be read.
    """
    from sgcn_core.batch import Request, plan
    from sgcn_core.io.volumes import is_volume

    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}; select the folder that holds the scans.")
    jobs = plan(Request((folder,), output_dir=output, suffix=LANDMARKS_SUFFIX))
    return [Case(job.source, job.landmarks, _skin(job.landmarks) if is_volume(job.source) else None) for job in jobs]


def counts_of(landmarks: list[Mapping[str, Any]]) -> dict[str, int]:
    """How many landmarks of a result have each status."""
    return dict(Counter(landmark["status"] for landmark in landmarks))


def _skin(landmarks: Path) -> Path:
    return landmarks.with_name(landmarks.name.removesuffix(LANDMARKS_SUFFIX) + _SKIN_SUFFIX)
