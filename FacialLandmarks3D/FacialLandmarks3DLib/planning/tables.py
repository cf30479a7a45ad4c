"""Tables and plots of planning: table nodes, charts, and how Slicer's own views get to show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from .computed import ComputedNodes

_BLUE, _GREY, _ORANGE = (0.12, 0.30, 0.65), (0.45, 0.45, 0.45), (0.85, 0.35, 0.05)
_MARKER = 9


@dataclass(frozen=True)
class Column:
    """A column of a table: its name in files and scripts, its title for people, and what it says."""

    name: str
    title: str = ""
    description: str = ""


@dataclass(frozen=True)
class Curve:
    """One series of a plot, from columns of its table.

    Attributes
    ----------
    name : in the legend
    y : column of the values
    x : column of the places; empty: one beside the other, with the first column as labels
    role : {"value", "bound", "line"}
    """

    name: str
    y: str
    x: str = ""
    role: str = "value"


def fill_table(node: Any, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    """Let a table node hold these rows and no others.

    A column all of whose cells are numbers holds numbers. Any other holds texts, and an empty cell is an empty text:
    a number that is missing must not become 0.
    """
    table = vtk.vtkTable()
    for place, column in enumerate(columns):
        table.AddColumn(_array(column.name, [row[place] for row in rows]))
    before = node.StartModify()
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(True)
    for column in columns:
        node.SetColumnTitle(column.name, column.title or column.name)
        node.SetColumnDescription(column.name, column.description)
    node.SetLocked(True)
    node.EndModify(before)


def cells_of(node: Any) -> list[dict[str, str]]:
    """The rows of a table node: name of the column to text of the cell."""
    names = [node.GetColumnName(place) for place in range(node.GetNumberOfColumns())]
    return [
        {name: node.GetCellText(row, place) for place, name in enumerate(names)}
        for row in range(node.GetNumberOfRows())
    ]


def draw_chart(
    nodes: ComputedNodes,
    role: str,
    title: str,
    data: Mapping[str, Sequence[Any]],
    curves: Sequence[Curve],
    axes: tuple[str, str],
    **about: Any,
) -> Any:
    """Make or change a chart; its table and series are computed nodes of their own.

    Parameters
    ----------
    nodes : ComputedNodes
    role : of the chart; those of its parts begin with it
    title : of the chart
    data : column of the plot's table to its values
    curves : what is drawn
    axes : titles of both axes
    **about : `sources` and `settings`, see :meth:`ComputedNodes.take`

    Returns
    -------
    vtkMRMLPlotChartNode
    """
    chart = nodes.take("vtkMRMLPlotChartNode", role, title, **about)
    table = nodes.take("vtkMRMLTableNode", f"{role}/table", f"{title} (plotted)", **about)
    length = max((len(column) for column in data.values()), default=0)
    rows = [[column[place] if place < len(column) else "" for column in data.values()] for place in range(length)]
    fill_table(table, [Column(name) for name in data], rows)
    before = chart.StartModify()
    chart.RemoveAllPlotSeriesNodeIDs()
    parts = [_draw_curve(nodes, f"{role}/{curve.y}", table, curve, next(iter(data)), about) for curve in curves]
    for series in parts:
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    chart.SetTitle(title)
    chart.SetXAxisTitle(axes[0])
    chart.SetYAxisTitle(axes[1])
    chart.EndModify(before)
    nodes.remove(f"{role}/", but=(f"{role}/table", *(f"{role}/{curve.y}" for curve in curves)))
    return chart


def show_table(node: Any) -> None:
    """Let Slicer's table view show a table; the layout gets a table view where it has none."""
    scene, layout = node.GetScene(), slicer.vtkMRMLLayoutNode
    with_table = (layout.SlicerLayoutFourUpTableView, layout.SlicerLayout3DTableView)
    _arrange(scene, (*with_table, layout.SlicerLayoutFourUpPlotTableView))
    for view in _nodes_of(scene, "vtkMRMLTableViewNode"):
        view.SetTableNodeID(node.GetID())
    for selection in _nodes_of(scene, "vtkMRMLSelectionNode"):
        selection.SetActiveTableID(node.GetID())


def show_chart(chart: Any) -> None:
    """Let Slicer's plot view show a chart; the layout gets a plot view where it has none."""
    scene, layout = chart.GetScene(), slicer.vtkMRMLLayoutNode
    with_plot = (
        layout.SlicerLayoutFourUpPlotView,
        layout.SlicerLayoutConventionalPlotView,
        layout.SlicerLayoutOneUpPlotView,
        layout.SlicerLayoutThreeOverThreePlotView,
    )
    _arrange(scene, (*with_plot, layout.SlicerLayoutFourUpPlotTableView))
    for view in _nodes_of(scene, "vtkMRMLPlotViewNode"):
        view.SetPlotChartNodeID(chart.GetID())
    for selection in _nodes_of(scene, "vtkMRMLSelectionNode"):
        selection.SetActivePlotChartID(chart.GetID())


def _arrange(scene: Any, wanted: tuple[int, ...]) -> None:
    """Take the first of the wanted layouts, unless one of them is there."""
    for layout in _nodes_of(scene, "vtkMRMLLayoutNode"):
        if layout.GetViewArrangement() not in wanted:
            layout.SetViewArrangement(wanted[0])


def _nodes_of(scene: Any, kind: str) -> list[Any]:
    return [scene.GetNthNodeByClass(place, kind) for place in range(scene.GetNumberOfNodesByClass(kind))]


def _array(name: str, cells: Sequence[Any]) -> Any:
    if cells and all(isinstance(cell, int | float) and np.isfinite(cell) for cell in cells):
        array = numpy_to_vtk(np.array(cells, dtype=np.float64), deep=True)
    else:
        array = vtk.vtkStringArray()
        for cell in cells:
            array.InsertNextValue("" if cell is None else str(cell))
    array.SetName(name)
    return array


def _draw_curve(
    nodes: ComputedNodes, role: str, table: Any, curve: Curve, labels: str, about: Mapping[str, Any]
) -> Any:
    kind = slicer.vtkMRMLPlotSeriesNode
    series = nodes.take("vtkMRMLPlotSeriesNode", role, curve.name, **about)
    before = series.StartModify()
    series.SetName(curve.name)
    series.SetAndObserveTableNodeID(table.GetID())
    # Slicer writes the labels along the axis only where there is no column of places.
    series.SetPlotType(kind.PlotTypeScatter if curve.x else kind.PlotTypeLine)
    series.SetXColumnName(curve.x)
    series.SetYColumnName(curve.y)
    series.SetLabelColumnName("" if curve.role == "line" else labels)
    series.SetLineStyle(kind.LineStyleDash if curve.role == "line" else kind.LineStyleNone)
    styles = {"value": kind.MarkerStyleCircle, "bound": kind.MarkerStylePlus, "line": kind.MarkerStyleNone}
    series.SetMarkerStyle(styles[curve.role])
    series.SetMarkerSize(_MARKER)
    series.SetColor(*{"value": _BLUE, "bound": _ORANGE, "line": _GREY}[curve.role])
    series.EndModify(before)
    return series
