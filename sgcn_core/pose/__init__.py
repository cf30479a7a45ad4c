"""Pose of the head on a surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.pose.finder import HeadFinder, PoseHypothesis
    from sgcn_core.pose.manual import pose_of_points
    from sgcn_core.pose.probe import probe_surface
    from sgcn_core.pose.refine import refine_pose
    from sgcn_core.pose.search import Located, check_size, locate_head, located_by_hand

__all__ = [
    "HeadFinder",
    "Located",
    "PoseHypothesis",
    "check_size",
    "locate_head",
    "located_by_hand",
    "pose_of_points",
    "probe_surface",
    "refine_pose",
]

__getattr__ = imported_on_use(
    __name__,
    {
        "finder": "HeadFinder PoseHypothesis",
        "manual": "pose_of_points",
        "probe": "probe_surface",
        "refine": "refine_pose",
        "search": "Located check_size locate_head located_by_hand",
    },
)
