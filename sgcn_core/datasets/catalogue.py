"""The datasets by their names."""

from __future__ import annotations

from pathlib import Path

from sgcn_core.datasets.base import FaceDataset
from sgcn_core.datasets.bu3dfe import Bu3dfe
from sgcn_core.datasets.dad3dheads import Dad3dHeads
from sgcn_core.datasets.facescape import FaceScape, FaceScapeMultiView
from sgcn_core.datasets.folder import Folder
from sgcn_core.datasets.headspace import Headspace
from sgcn_core.errors import SettingsError

DATASETS: dict[str, type[FaceDataset]] = {
    each.name: each for each in (FaceScape, FaceScapeMultiView, Headspace, Dad3dHeads, Bu3dfe, Folder)
}


def open_dataset(name: str, root: Path, *, unit: str | None = None) -> FaceDataset:
    """The dataset of a name in a folder.

    Raises
    ------
    SettingsError
        There is no dataset of that name.
    FileNotFoundError
        There is no such folder.
    """
    if name not in DATASETS:
        raise SettingsError(f"unknown dataset {name!r}; choose from {', '.join(DATASETS)}")
    return DATASETS[name](root, unit=unit)
