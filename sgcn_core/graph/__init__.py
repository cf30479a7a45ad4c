"""The canonical crop, the fine and the coarse graph (paper, section 4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.graph.coarse import coarse_set, prototype
    from sgcn_core.graph.face_graph import FaceGraph, build_face_graph
    from sgcn_core.graph.fine import fine_neighbours

__all__ = [
    "FaceGraph",
    "build_face_graph",
    "coarse_set",
    "fine_neighbours",
    "prototype",
]

__getattr__ = imported_on_use(
    __name__, {"coarse": "coarse_set prototype", "face_graph": "FaceGraph build_face_graph", "fine": "fine_neighbours"}
)
