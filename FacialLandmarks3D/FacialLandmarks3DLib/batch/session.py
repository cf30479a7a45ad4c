"""The one case that is being reviewed: its nodes come into the scene, its corrections go to its file. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..translation import _
from .cases import Case
from .loading import load_scan
from .reviewed import CaseError, read_case, save_case, state_of


class CaseSession:
    """Opens a case, saves it, and takes it away again.

    Parameters
    ----------
    scene : vtkMRMLScene
    load : callable, as :func:`load_scan`
    """

    def __init__(self, scene: Any, load: Callable[..., tuple[Any, list[Any]]] = load_scan) -> None:
        self._scene, self._load = scene, load
        self._ids: list[str] = []
        self._state = ""
        self.case: Case | None = None

    @property
    def node(self) -> Any:
        """The markups node of the case; None where there is no case, or the node was removed from the scene."""
        return self._scene.GetNodeByID(self._ids[-1]) if self._ids else None

    @property
    def changed(self) -> bool:
        """Whether something was corrected that is not saved."""
        node = self.node
        return node is not None and state_of(node) != self._state

    def open(self, case: Case) -> Any:
        """Load scan and landmarks of a case, which takes the place of the one before.

        Returns
        -------
        vtkMRMLMarkupsFiducialNode

        Raises
        ------
        CaseError
            It cannot be loaded; the scene is as if no case were open.
        """
        self.close()
        if not case.can_be_reviewed:
            raise CaseError(_("There are no landmarks of {name!r} yet.").format(name=case.name))
        surface, nodes = self._load(case, self._scene)
        node = self._scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", _("{case} landmarks").format(case=case.name))
        self._ids = [each.GetID() for each in (*nodes, node)]
        try:
            read_case(node, case.landmarks, surface)
        except (CaseError, ValueError):
            self.close()
            raise
        self.case, self._state = case, state_of(node)
        return node

    def save(self) -> None:
        """Write the corrections to the case's file; CaseError where that cannot be done."""
        node = self.node
        if node is None or self.case is None:
            raise CaseError(_("No case is open."))
        save_case(node, self.case.landmarks)
        self._state = state_of(node)

    def close(self) -> None:
        """Remove the nodes of the case, and what belongs to them, from the scene; nothing is saved."""
        for identifier in reversed(self._ids):
            node = self._scene.GetNodeByID(identifier)
            if node is not None:
                self._remove(node)
        self._ids, self._state, self.case = [], "", None

    def _remove(self, node: Any) -> None:
        displays = [node.GetNthDisplayNode(place) for place in range(node.GetNumberOfDisplayNodes())]
        storages = [node.GetNthStorageNode(place) for place in range(node.GetNumberOfStorageNodes())]
        self._scene.RemoveNode(node)
        for each in (*displays, *storages):
            if each is not None and each.GetScene() is not None:
                self._scene.RemoveNode(each)
