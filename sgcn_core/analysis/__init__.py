"""From landmarks to planning: measurements with their uncertainty, analyses by name, symmetry, comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.analysis.case import AnalysisCase
    from sgcn_core.analysis.comparison import (
        Change,
        Comparison,
        Displacement,
        Registration,
        compare,
        measurement_changes,
        register,
        surface_change,
    )
    from sgcn_core.analysis.definitions import Definitions
    from sgcn_core.analysis.dense import DenseFace, fit_dense
    from sgcn_core.analysis.dense_maps import CorrespondenceMap, dense_asymmetry, dense_change
    from sgcn_core.analysis.distance_maps import DistanceMap, VolumeBetween, mirror_map, volume_between
    from sgcn_core.analysis.head_frame import Horizontal
    from sgcn_core.analysis.measuring import measure
    from sgcn_core.analysis.midsagittal import MidsagittalPlane
    from sgcn_core.analysis.norms import Norm, load_norms, with_norms
    from sgcn_core.analysis.observers import Agreement, LandmarkAgreement, agreement, landmark_agreement
    from sgcn_core.analysis.regions import region_mask, region_names
    from sgcn_core.analysis.symmetry import analyse_symmetry, find_plane
    from sgcn_core.analysis.symmetry_values import SymmetryAnalysis
    from sgcn_core.analysis.table import AnalysisLine, MeasuredValue, MeasurementTable, write_tables

__all__ = [
    "Agreement",
    "AnalysisCase",
    "AnalysisLine",
    "Change",
    "Comparison",
    "CorrespondenceMap",
    "Definitions",
    "DenseFace",
    "Displacement",
    "DistanceMap",
    "Horizontal",
    "LandmarkAgreement",
    "MeasuredValue",
    "MeasurementTable",
    "MidsagittalPlane",
    "Norm",
    "Registration",
    "SymmetryAnalysis",
    "VolumeBetween",
    "agreement",
    "analyse_symmetry",
    "compare",
    "dense_asymmetry",
    "dense_change",
    "find_plane",
    "fit_dense",
    "landmark_agreement",
    "load_norms",
    "measure",
    "measurement_changes",
    "mirror_map",
    "region_mask",
    "region_names",
    "register",
    "surface_change",
    "volume_between",
    "with_norms",
    "write_tables",
]

__getattr__ = imported_on_use(
    __name__,
    {
        "case": "AnalysisCase",
        "comparison": "Change Comparison Displacement Registration compare measurement_changes register surface_change",
        "definitions": "Definitions",
        "dense": "DenseFace fit_dense",
        "dense_maps": "CorrespondenceMap dense_asymmetry dense_change",
        "distance_maps": "DistanceMap VolumeBetween mirror_map volume_between",
        "head_frame": "Horizontal",
        "measuring": "measure",
        "midsagittal": "MidsagittalPlane",
        "norms": "Norm load_norms with_norms",
        "observers": "Agreement LandmarkAgreement agreement landmark_agreement",
        "regions": "region_mask region_names",
        "symmetry": "analyse_symmetry find_plane",
        "symmetry_values": "SymmetryAnalysis",
        "table": "AnalysisLine MeasuredValue MeasurementTable write_tables",
    },
)
