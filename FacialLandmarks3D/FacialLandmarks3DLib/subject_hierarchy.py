"""Where a node stands in the subject hierarchy."""

from __future__ import annotations

from typing import Any

import slicer


def place_beside(node: Any, neighbour: Any) -> None:
    """Give a node the parent item of another one; nothing happens where the other one has no item.

    Parameters
    ----------
    node, neighbour : vtkMRMLNode of the same scene
    """
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(neighbour.GetScene())
    if hierarchy is None:
        return
    nowhere = hierarchy.GetInvalidItemID()
    reference = hierarchy.GetItemByDataNode(neighbour)
    if reference == nowhere:
        return
    parent = hierarchy.GetItemParent(reference)
    item = hierarchy.GetItemByDataNode(node)
    if item == nowhere:
        hierarchy.CreateItem(parent, node)
    else:
        hierarchy.SetItemParent(item, parent)
