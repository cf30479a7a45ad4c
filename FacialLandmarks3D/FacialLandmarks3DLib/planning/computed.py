"""Nodes that were computed from others: made once, found again by references, stale when their sources change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import slicer

from ..messages import _
from ..scene.landmark_surface import fingerprint
from ..scene.nodes import is_there, labels_of, point_values, world_position
from ..scene.provenance import PREFIX

COMPUTED = PREFIX + "computed"
"""Attribute of a computed node: what it is, such as "measurements" or "line:e-line"; also the role of the references
by which its landmarks know it."""
COMPUTED_FROM = PREFIX + "computed_from"
"""Attribute: name of each source, with the source's name in the scene and its state at the time, as JSON."""
SETTINGS = PREFIX + "computed_settings"
"""Attribute: the choices that it was computed with, as JSON."""
STALE = PREFIX + "stale"
"""Attribute: "1" once a source has changed or gone, else "0"."""
SOURCE = PREFIX + "source."
"""References of this role, followed by the source's name, lead from a computed node to its sources."""
LANDMARKS = "landmarks"
# Positions go through a file with about so many digits.
_DIGITS = 4


class ComputedNodes:
    """What was computed from the landmarks of one markups node, in this session or before the scene was saved.

    Parameters
    ----------
    landmarks : vtkMRMLMarkupsNode
    """

    def __init__(self, landmarks: Any) -> None:
        self.landmarks = landmarks
        self._states = SourceStates()

    def __iter__(self) -> Iterator[Any]:
        for place in range(self.landmarks.GetNumberOfNodeReferences(COMPUTED)):
            node = self.landmarks.GetNthNodeReference(COMPUTED, place)
            # A copy of the landmarks refers to the same nodes; they are not the copy's.
            if node is not None and node.GetNodeReference(SOURCE + LANDMARKS) is self.landmarks:
                yield node

    def find(self, role: str) -> Any | None:
        """The node of a role, None where there is none."""
        return next((node for node in self if node.GetAttribute(COMPUTED) == role), None)

    def roles(self, prefix: str = "") -> list[str]:
        """Roles that begin with a prefix, of the nodes that there are."""
        return [node.GetAttribute(COMPUTED) for node in self if node.GetAttribute(COMPUTED).startswith(prefix)]

    def take(
        self,
        kind: str,
        role: str,
        name: str,
        sources: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        hidden: bool = False,
        as_of: Mapping[str, str] | None = None,
    ) -> Any:
        """The node of a role, made where there is none; it is stated to be up to date with its sources.

        Parameters
        ----------
        kind : class of the node, ``vtkMRML...Node``
        role : what it is
        name : of a node that is made
        sources : mapping, optional
            Name to node, of what it is computed from beside the landmarks.
        settings : mapping, optional
            The choices that it is computed with, as JSON can hold them.
        hidden : bool
            Whether Slicer's lists of nodes leave it out.
        as_of : mapping, optional
            What :meth:`states` gave when the work began; by default the sources are taken as they are now.
        """
        node = self.find(role)
        if node is None:
            scene = self.landmarks.GetScene()
            node = scene.AddNewNodeByClass(kind, scene.GenerateUniqueName(name))
            node.SetHideFromEditors(hidden)
            node.SetAttribute(COMPUTED, role)
            node.SetNodeReferenceID(SOURCE + LANDMARKS, self.landmarks.GetID())
            self.landmarks.AddNodeReferenceID(COMPUTED, node.GetID())
            self._into_folder(node)
        given = {LANDMARKS: self.landmarks, **(sources or {})}
        for source, other in given.items():
            node.SetNodeReferenceID(SOURCE + source, other.GetID())
        states = self.states(sources) if as_of is None else as_of
        state = {source: {"name": each.GetName(), "state": states[source]} for source, each in given.items()}
        node.SetAttribute(COMPUTED_FROM, json.dumps(state))
        node.SetAttribute(SETTINGS, json.dumps(dict(settings or {})))
        stale = any(self._changed(node, source, entry["state"]) for source, entry in state.items())
        node.SetAttribute(STALE, "1" if stale else "0")
        return node

    def states(self, sources: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The present states of the landmarks and of further sources: what a longer work is computed from."""
        given = {LANDMARKS: self.landmarks, **(sources or {})}
        return {source: self._states.of(node) for source, node in given.items()}

    def mark(self) -> list[Any]:
        """Say of each node whether it is stale; returns those that are."""
        stale = []
        for node in self:
            known = json.loads(node.GetAttribute(COMPUTED_FROM) or "{}")
            changed = any(self._changed(node, source, entry["state"]) for source, entry in known.items())
            node.SetAttribute(STALE, "1" if changed else "0")
            if changed:
                stale.append(node)
        return stale

    def remove(self, prefix: str = "", *, but: tuple[str, ...] = ()) -> None:
        """Take the nodes whose role begins with a prefix from the scene, except those of some roles."""
        going = [node for node in self if (role := node.GetAttribute(COMPUTED)).startswith(prefix) and role not in but]
        folder = self._folder() if going else None
        for node in going:
            remove_node(node)
        kept = [node.GetID() for node in self]
        self.landmarks.RemoveNodeReferenceIDs(COMPUTED)
        for identifier in kept:
            self.landmarks.AddNodeReferenceID(COMPUTED, identifier)
        if folder is not None and not kept:
            _hierarchy_of(self.landmarks).RemoveItem(folder, False, False)

    def _changed(self, node: Any, source: str, state: str) -> bool:
        other = node.GetNodeReference(SOURCE + source)
        return other is None or self._states.of(other) != state

    def _folder(self) -> int | None:
        """The item that holds what was computed, by its attribute."""
        hierarchy = _hierarchy_of(self.landmarks)
        for node in self:
            item = hierarchy.GetItemByDataNode(node)
            if item != hierarchy.GetInvalidItemID():
                parent = hierarchy.GetItemParent(item)
                if hierarchy.GetItemAttribute(parent, COMPUTED):
                    return int(parent)
        return None

    def _into_folder(self, node: Any) -> None:
        if node.GetHideFromEditors():
            return
        hierarchy, folder = _hierarchy_of(self.landmarks), self._folder()
        if folder is None:
            beside = hierarchy.GetItemByDataNode(self.landmarks)
            known = beside != hierarchy.GetInvalidItemID()
            parent = hierarchy.GetItemParent(beside) if known else hierarchy.GetSceneItemID()
            name = _("Planning of {landmarks}").format(landmarks=self.landmarks.GetName())
            folder = hierarchy.CreateFolderItem(parent, name)
            hierarchy.SetItemAttribute(folder, COMPUTED, "1")
        item = hierarchy.GetItemByDataNode(node)
        if item == hierarchy.GetInvalidItemID():
            hierarchy.CreateItem(folder, node)
        else:
            hierarchy.SetItemParent(item, folder)


class SourceStates:
    """Fingerprints of sources; that of a model is made again only where its points have changed."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[tuple[Any, ...], str]] = {}

    def of(self, node: Any) -> str:
        """What tells a source's present state from others: points, their place in the world, errors."""
        return self._of_model(node) if node.IsA("vtkMRMLModelNode") else _state_of_points(node)

    def _of_model(self, node: Any) -> str:
        polydata, parent = node.GetPolyData(), node.GetParentTransformNode()
        if polydata is None or polydata.GetPoints() is None:
            return ""
        key = (polydata, polydata.GetPoints().GetMTime(), None if parent is None else parent.GetTransformToWorldMTime())
        known = self._models.get(node.GetID())
        if known is None or known[0] != key:
            known = key, _digest([fingerprint(node), _corners_in_world(node)])
            self._models[node.GetID()] = known
        return known[1]


def settings_of(node: Any) -> dict[str, Any]:
    """The choices that a node was computed with."""
    return dict(json.loads(node.GetAttribute(SETTINGS) or "{}"))


def source_of(node: Any, name: str) -> Any | None:
    """A source of a computed node, None where it is gone."""
    return node.GetNodeReference(SOURCE + name)


def remove_node(node: Any) -> None:
    """Take a node from its scene, with its display and storage nodes and its place in the subject hierarchy."""
    scene = node.GetScene()
    if scene is None:
        return
    hierarchy = _hierarchy_of(node)
    item = hierarchy.GetItemByDataNode(node)
    if item != hierarchy.GetInvalidItemID():
        hierarchy.RemoveItem(item, False, False)
    parts = []
    if node.IsA("vtkMRMLDisplayableNode"):
        parts += [node.GetNthDisplayNode(place) for place in range(node.GetNumberOfDisplayNodes())]
    if node.IsA("vtkMRMLStorableNode"):
        parts += [node.GetNthStorageNode(place) for place in range(node.GetNumberOfStorageNodes())]
    for each in (node, *parts):
        if each is not None and each.GetScene() is not None:
            scene.RemoveNode(each)


def _hierarchy_of(node: Any) -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())


def _state_of_points(node: Any) -> str:
    places = range(node.GetNumberOfControlPoints())
    points = [
        [round(value, _DIGITS) + 0.0 for value in world_position(node, place)] if is_there(node, place) else None
        for place in places
    ]
    errors = [point_values(node, name) for name in ("status", "expected_error_mm", "error_bound_mm")]
    return _digest([labels_of(node), points, errors])


def _corners_in_world(node: Any) -> list[float]:
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    return [round(value, _DIGITS) + 0.0 for value in bounds]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
