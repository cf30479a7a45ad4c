"""What planning draws into the views: the midsagittal plane, lines of analyses, displacements as arrows.

Everything is drawn in the world, without a parent transform: a plane is none any more under a transform that scales its
axes differently. It is drawn again when the landmarks move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import vtk
from numpy.typing import ArrayLike, NDArray
from vtk.util.numpy_support import numpy_to_vtk

from ..messages import _
from ..scene.nodes import one_event
from .computed import ComputedNodes

PLANE, LINE, ARROWS = "midsagittal plane", "line:", "displacements"
"""Roles of the nodes; a line's role ends with its key."""
_PLANE_COLOR, _LINE_COLOR = (0.25, 0.55, 0.95), (0.85, 0.35, 0.05)
_PLANE_OPACITY, _BEHIND_OPACITY = 0.15, 0.4
_LINE_THICKNESS, _GLYPH_SCALE, _TEXT_SCALE = 0.4, 1.0, 1.8
# Arrows: no longer than the displacement, so thick that one of a millimetre is seen.
_SHAFT_MM, _HEAD_MM, _SIDES = 0.35, 0.8, 8
_WITHIN, _BEYOND = (0.6, 0.6, 0.6), (0.85, 0.35, 0.05)

_Points = NDArray[np.float64]


def draw_plane(nodes: ComputedNodes, point: ArrayLike, normal: ArrayLike, size: float, **about: Any) -> Any:
    """Show a plane; the one that was there moves.

    Parameters
    ----------
    nodes : ComputedNodes
    point : (3,), its middle, in the world
    normal : (3,), in the world
    size : side of the square that is shown, in the world
    **about : `sources` and `settings`, see :meth:`ComputedNodes.take`

    Returns
    -------
    vtkMRMLMarkupsPlaneNode, locked
    """
    first_time = nodes.find(PLANE) is None
    node = nodes.take("vtkMRMLMarkupsPlaneNode", PLANE, _("Midsagittal plane"), **about)
    with one_event(node):
        node.SetCenterWorld(*np.asarray(point, dtype=np.float64))
        node.SetNormalWorld(*np.asarray(normal, dtype=np.float64))
        node.SetSizeWorld(size, size)
        _lock(node, _PLANE_COLOR, first_time)
        _forget_length(node)
    if first_time and node.GetDisplayNode() is not None:
        node.GetDisplayNode().SetFillOpacity(_PLANE_OPACITY)
        node.GetDisplayNode().SetHandlesInteractive(False)
    return node


def draw_lines(nodes: ComputedNodes, lines: Mapping[str, tuple[str, ArrayLike]], **about: Any) -> list[Any]:
    """Show the lines of analyses; those of the same keys move, and those of other keys go.

    Parameters
    ----------
    nodes : ComputedNodes
    lines : mapping of a key to the name of a line and its ends (2, 3), in the world
    **about : `sources` and `settings`, see :meth:`ComputedNodes.take`

    Returns
    -------
    list of vtkMRMLMarkupsLineNode, locked
    """
    nodes.remove(LINE, but=tuple(LINE + key for key in lines))
    return [_draw_line(nodes, key, name, np.asarray(ends, float), about) for key, (name, ends) in lines.items()]


def _draw_line(nodes: ComputedNodes, key: str, name: str, ends: _Points, about: Mapping[str, Any]) -> Any:
    first_time = nodes.find(LINE + key) is None
    node = nodes.take("vtkMRMLMarkupsLineNode", LINE + key, name, **about)
    with one_event(node):
        while node.GetNumberOfControlPoints() < len(ends):
            node.AddControlPoint([0.0, 0.0, 0.0], "")
        for place, end in enumerate(ends):
            node.SetNthControlPointPositionWorld(place, *end)
        _lock(node, _LINE_COLOR, first_time)
        _forget_length(node)
    return node


def draw_arrows(
    nodes: ComputedNodes, starts: ArrayLike, ends: ArrayLike, beyond: Sequence[bool], thickness: float, **about: Any
) -> Any:
    """Show displacements as arrows of their true length, grey where they are within what can be detected.

    Parameters
    ----------
    nodes : ComputedNodes
    starts, ends : array_like (N, 3), in the world
    beyond : N of bool, whether a displacement is more than what can be detected
    thickness : of a millimetre, in the world
    **about : `sources` and `settings`, see :meth:`ComputedNodes.take`

    Returns
    -------
    vtkMRMLModelNode
    """
    node = nodes.take("vtkMRMLModelNode", ARROWS, _("Displacements"), **about)
    node.SetSelectable(False)
    node.SetAndObservePolyData(_arrows(np.asarray(starts, float), np.asarray(ends, float), beyond, thickness))
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetActiveScalar("colour", vtk.vtkAssignAttribute.POINT_DATA)
    display.SetScalarRangeFlag(display.UseDirectMapping)
    display.SetScalarVisibility(True)
    return node


def _arrows(starts: _Points, ends: _Points, beyond: Sequence[bool], thickness: float) -> vtk.vtkPolyData:
    """Tubes with a cone at the end; those shorter than a head are a cone alone."""
    joined = vtk.vtkAppendPolyData()
    joined.AddInputData(vtk.vtkPolyData())
    for start, end, is_beyond in zip(starts, ends, beyond, strict=True):
        length = float(np.linalg.norm(end - start))
        if not np.isfinite(length) or length == 0.0:
            continue
        head = min(length, 3.0 * _HEAD_MM * thickness)
        source = vtk.vtkArrowSource()
        source.SetTipLength(head / length)
        source.SetTipRadius(_HEAD_MM * thickness / length)
        source.SetShaftRadius(_SHAFT_MM * thickness / length)
        source.SetTipResolution(_SIDES)
        source.SetShaftResolution(_SIDES)
        moved = vtk.vtkTransformPolyDataFilter()
        moved.SetInputConnection(source.GetOutputPort())
        moved.SetTransform(_from_unit_arrow(start, end))
        moved.Update()
        joined.AddInputData(_colored(moved.GetOutput(), _BEYOND if is_beyond else _WITHIN))
    joined.Update()
    return joined.GetOutput()


def _from_unit_arrow(start: _Points, end: _Points) -> vtk.vtkTransform:
    """What takes an arrow along x of length 1 from start to end."""
    along = end - start
    length = float(np.linalg.norm(along))
    x = along / length
    aside = np.cross(x, np.eye(3)[int(np.argmin(np.abs(x)))])
    y = aside / np.linalg.norm(aside)
    matrix = np.eye(4)
    matrix[:3, :3] = length * np.stack([x, y, np.cross(x, y)], axis=1)
    matrix[:3, 3] = start
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix.ravel())
    return transform


def _colored(polydata: vtk.vtkPolyData, color: tuple[float, float, float]) -> vtk.vtkPolyData:
    values = np.tile(np.round(255 * np.array(color)).astype(np.uint8), (polydata.GetNumberOfPoints(), 1))
    colors = numpy_to_vtk(values, deep=True)
    colors.SetName("colour")
    polydata.GetPointData().AddArray(colors)
    return polydata


def _lock(node: Any, color: tuple[float, float, float], first_time: bool) -> None:
    """Nobody moves it by hand; its colours are set once, so that those that the user chooses later stay."""
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    if first_time and display is not None:
        display.SetColor(*color)
        display.SetSelectedColor(*color)
        display.SetPointLabelsVisibility(False)
        display.SetTextScale(_TEXT_SCALE)
        display.SetGlyphScale(_GLYPH_SCALE)
        display.SetLineThickness(_LINE_THICKNESS)
        # A width runs through the head.
        display.SetOccludedVisibility(True)
        display.SetOccludedOpacity(_BEHIND_OPACITY)
    node.SetLocked(True)


def _forget_length(node: Any) -> None:
    """Slicer's own length or area beside the name would be in millimetres whatever the unit of the scan is."""
    for place in range(node.GetNumberOfMeasurements()):
        node.GetNthMeasurement(place).SetEnabled(False)
