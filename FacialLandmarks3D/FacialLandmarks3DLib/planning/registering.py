"""Registration of two dates on a stable region: of their skin where both scans are known, else of their landmarks."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import vtk

from ..messages import _
from ..scene.landmark_surface import surface_of
from .case import case_of, surface_in_mm, to_lps, to_world
from .computed import ComputedNodes
from .maps import in_thread, read_steps

if TYPE_CHECKING:
    from sgcn_core.analysis.case import AnalysisCase
    from sgcn_core.analysis.comparison import Registration
    from sgcn_core.types.surface import Surface

ROLE = "registration"


class Registering:
    """Registers the landmarks of a later date on those of a first one; the last result is kept.

    Parameters
    ----------
    nodes : ComputedNodes of the first landmarks
    """

    def __init__(self, nodes: ComputedNodes) -> None:
        self._nodes = nodes
        self._known: tuple[Any, Registration, Surface | None, Surface | None] | None = None

    def steps(
        self, first_model: Any, other: Any, other_model: Any, regions: Sequence[str]
    ) -> Generator[float, None, tuple[Registration, Surface | None, Surface | None]]:
        """The registration and both scans, millimetres and LPS, None where one is not known.

        It also becomes a transform node, from the world of the later date to that of the first; nothing is put under
        it.

        Parameters
        ----------
        first_model, other_model : vtkMRMLModelNode or None
        other : vtkMRMLMarkupsNode
        regions : of sgcn_core, what has not changed

        Raises
        ------
        ValueError
            Landmarks of the regions are missing.
        """
        given = {"other landmarks": other, "surface": first_model, "other surface": other_model}
        sources = {name: node for name, node in given.items() if node is not None}
        as_of = self._nodes.states(sources)
        key = as_of, {name: node.GetID() for name, node in sources.items()}, list(regions)
        if self._known is None or self._known[0] != key:
            first, second = case_of(self._nodes.landmarks), case_of(other)
            scans: list[Surface | None] = []
            for model, node in ((first_model, self._nodes.landmarks), (other_model, other)):
                scans.append(None if model is None else surface_in_mm((yield from read_steps(model)), node))
            cases = [replace(case, surface=scan) for case, scan in zip((first, second), scans, strict=True)]
            registration = yield from in_thread(lambda: _register(cases[0], cases[1], regions))
            self._known = key, registration, scans[0], scans[1]
        _key, registration, *surfaces = self._known
        self._write(registration, other, {"sources": sources, "as_of": as_of}, regions)
        return registration, surfaces[0], surfaces[1]

    def _write(self, registration: Registration, other: Any, about: dict[str, Any], regions: Sequence[str]) -> None:
        landmarks = self._nodes.landmarks
        corners = np.concatenate([np.zeros((1, 3)), np.eye(3)])
        images = to_world(registration.motion.apply(to_lps(corners, other)), landmarks)
        matrix = np.eye(4)
        matrix[:3, 3] = images[0]
        matrix[:3, :3] = (images[1:] - images[0]).T
        values = vtk.vtkMatrix4x4()
        values.DeepCopy(matrix.ravel())
        settings = {"regions": list(regions), "method": registration.method, "residual_mm": registration.residual}
        node = self._nodes.take("vtkMRMLLinearTransformNode", ROLE, _("Registration"), settings=settings, **about)
        node.SetMatrixTransformToParent(values)


def scan_of(landmarks: Any, chosen: Any) -> Any | None:
    """The scan that landmarks lie on: the chosen one, else the one that they were placed on, None where unknown."""
    return surface_of(landmarks) if chosen is None else chosen


def about(registration: Registration) -> str:
    """What was registered and how well, for people."""
    if registration.method == "surface":
        text = _("Registered on the skin of {regions}, which fits within {residual:.1f} mm.")
        return text.format(regions=", ".join(registration.regions), residual=registration.residual)
    text = _(
        "Registered on the landmarks {labels}, which fit within {residual:.1f} mm; with both scans it is more exact."
    )
    return text.format(labels=", ".join(registration.landmarks), residual=registration.residual)


def _register(first: AnalysisCase, second: AnalysisCase, regions: Sequence[str]) -> Registration:
    """On the skin; on the landmarks where there is no skin of the regions to register."""
    from sgcn_core.analysis.comparison import register
    from sgcn_core.errors import SurfaceError

    try:
        return register(first, second, regions=regions)
    except SurfaceError:
        return register(first, second, regions=regions, surfaces=False)
