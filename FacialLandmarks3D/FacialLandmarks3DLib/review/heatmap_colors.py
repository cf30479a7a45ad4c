"""Colours of a heatmap: the model's own where there is nothing, over yellow to red."""

from __future__ import annotations

from typing import Any

import numpy as np

_STEPS = 256
_YELLOW, _RED = (1.0, 0.85, 0.1), (0.85, 0.0, 0.1)


def add_heatmap_colors(scene: Any, base: tuple[float, float, float]) -> Any:
    """A colour table node for one overlay, hidden and not saved; whoever adds it removes it.

    Parameters
    ----------
    scene : vtkMRMLScene
    base : red, green and blue of the model, 0 to 1
    """
    node = scene.AddNewNodeByClass("vtkMRMLColorTableNode", "LandmarkHeatmap")
    before = node.StartModify()
    node.SetTypeToUser()
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetNumberOfColors(_STEPS)
    channels = zip(base, _YELLOW, _RED, strict=True)
    colors = np.column_stack([np.interp(np.linspace(0, 2, _STEPS), (0, 1, 2), stops) for stops in channels])
    for entry, (red, green, blue) in enumerate(colors):
        node.SetColor(entry, float(red), float(green), float(blue), 1.0)
    node.EndModify(before)
    return node
