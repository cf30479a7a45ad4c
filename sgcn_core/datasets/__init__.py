"""Published datasets of faces with landmarks, and folders of one's own: reading, splits, prepared graphs, tables.

None of the data comes with the package: who uses a dataset obtains it from its owners under their licence. The layouts
are described in ``docs/howto/datasets.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.datasets.base import Camera, Experiment, Face, FaceDataset, Sample
    from sgcn_core.datasets.cases import Settings
    from sgcn_core.datasets.catalogue import DATASETS, open_dataset
    from sgcn_core.datasets.graphs import FaceGraphs, GraphSource, with_heatmaps
    from sgcn_core.datasets.prepare import Prepared, prepare_dataset
    from sgcn_core.datasets.splits import Split, read_split, split_subjects

__all__ = [
    "DATASETS",
    "Camera",
    "Experiment",
    "Face",
    "FaceDataset",
    "FaceGraphs",
    "GraphSource",
    "Prepared",
    "Sample",
    "Settings",
    "Split",
    "open_dataset",
    "prepare_dataset",
    "read_split",
    "split_subjects",
    "with_heatmaps",
]

__getattr__ = imported_on_use(
    __name__,
    {
        "base": "Camera Experiment Face FaceDataset Sample",
        "cases": "Settings",
        "catalogue": "DATASETS open_dataset",
        "graphs": "FaceGraphs GraphSource with_heatmaps",
        "prepare": "Prepared prepare_dataset",
        "splits": "Split read_split split_subjects",
    },
)
