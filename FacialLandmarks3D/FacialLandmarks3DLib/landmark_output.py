"""The markups node that a detection ends in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .landmark_node import write_landmarks
from .provenance import PREFIX, Provenance
from .translation import _

_SURFACE = PREFIX + "surface"
_KIND = "vtkMRMLMarkupsFiducialNode"


def surface_of(node: Any) -> Any:
    """The model node that the landmarks of a markups node lie on; None where it is not known or not there."""
    return None if node is None else node.GetNodeReference(_SURFACE)


class LandmarkOutput:
    """Takes a result into a markups node; nothing is made or changed before there is a result.

    Parameters
    ----------
    scene : vtkMRMLScene
    input_node : vtkMRMLNode
        What the landmarks are placed on.
    node : vtkMRMLMarkupsFiducialNode or None
        None: a new one.

    Raises
    ------
    ValueError
        The node is of another kind.
    """

    def __init__(self, scene: Any, input_node: Any, node: Any) -> None:
        if node is not None and not node.IsA(_KIND):
            raise ValueError(
                _("Landmarks go into a point list; {name!r} is a {kind}.").format(
                    name=node.GetName(), kind=node.GetClassName()
                )
            )
        self._scene, self._node = scene, node
        self._input_id, self._output_id = input_node.GetID(), None if node is None else node.GetID()

    def input_is_there(self) -> bool:
        """Whether the input is still in the scene."""
        return self._scene.GetNodeByID(self._input_id) is not None

    def write(self, result: Mapping[str, Any], surface: Any, provenance: Provenance) -> Any:
        """The node with the landmarks of a result; what was there can be had back by undo."""
        node: Any = None if self._output_id is None else self._scene.GetNodeByID(self._output_id)
        self._scene.SaveStateForUndo()
        made = node is None
        if made:
            name = _("{input} landmarks").format(input=provenance.input)
            node = self._scene.AddNewNodeByClass(_KIND, self._scene.GenerateUniqueName(name))
        try:
            write_landmarks(node, result, surface, provenance)
        except Exception:
            if made:
                self._scene.RemoveNode(node)
            raise
        node.SetNodeReferenceID(_SURFACE, surface.GetID())
        return node
