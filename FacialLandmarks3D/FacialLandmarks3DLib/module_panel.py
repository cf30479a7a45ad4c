"""The whole panel: its parts, and the parameters that they share."""

from __future__ import annotations

from typing import Any

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from .detection.panel import DetectionPanel
from .detection.parameters import LandmarkSetChoice, options_of
from .detection.services import InitialLandmarks, Services
from .review.views import turn_to_face
from .worker.python import RESOURCES

_WATCH_MS = 500


class ModulePanel(VTKObservationMixin):
    """Puts the parts together and keeps parameters and widgets alike.

    Parameters
    ----------
    ui : the widgets of ``FacialLandmarks3D.ui`` by name
    logic : FacialLandmarks3DLogic
    """

    def __init__(self, ui: Any, logic: Any) -> None:
        from .batch.panel import BatchPanel
        from .installation.panel import InstallationPanel
        from .installation.slicer_installation import SlicerInstallation
        from .planning.panel import PlanningPanel
        from .review.panel import ReviewPanel

        VTKObservationMixin.__init__(self)
        self._ui, self._logic = ui, logic
        self._parameters: Any = None
        self._connection: Any = None
        self.services = Services(
            slicer.mrmlScene,
            logic.landmarker,
            SlicerInstallation(RESOURCES),
            RESOURCES,
            self.place_again,
            options=lambda: options_of(self._present_parameters()),
            show_landmarks=self.show_landmarks,
            use_weights=self.use_weights,
        )
        self.detection = DetectionPanel(
            ui, self.services, lambda: self._parameters, self.show_landmarks, on_failure=self._help_with_failure
        )
        self.review = ReviewPanel(ui.reviewContainer, self.services)
        self.planning = PlanningPanel(ui.planningContainer, self.services)
        self.batch = BatchPanel(ui.batchContainer, self.services)
        self.installation = InstallationPanel(ui.installationContainer, self.services)
        ui.weightsPathLineEdit.connect("currentPathChanged(QString)", self._on_weights)
        self._node_arrived = False
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self._on_node_added)
        self._watch = qt.QTimer()  # nobody tells when a batch begins or ends
        self._watch.setInterval(_WATCH_MS)
        self._watch.connect("timeout()", self._look)
        self._watch.start()

    def enter(self) -> None:
        """Show the parameters of the present scene."""
        self._use(self._logic.getParameterNode())
        self._choose_input()

    def exit(self) -> None:
        """Stop following the parameters while another module is shown."""
        self._use(None)

    def scene_closes(self) -> None:
        """The nodes are about to go."""
        self.detection.cancel()
        self._use(None)
        self.review.setLandmarkNode(None)
        self.planning.setLandmarkNode(None)
        self.detection.update()

    def cleanup(self) -> None:
        """Before the panel goes."""
        self._watch.stop()
        self.detection.cleanup()
        self._use(None)
        self.removeObservers()
        for part in (self.review, self.planning, self.batch, self.installation):
            part.cleanup()

    def place_again(self, initial_landmarks: InitialLandmarks | None) -> None:
        """Run the detection with the present parameters once more."""
        self.detection.start(initial_landmarks)

    def show_landmarks(self, node: Any) -> None:
        """Make a markups node the output, and review it."""
        self.review.setLandmarkNode(None)  # what was reviewed in the same node is gone
        self._present_parameters().landmarks = node
        self._plan_and_review(node)
        self._ui.reviewContainer.collapsed = False
        if node is not None:
            turn_to_face(node)

    def use_weights(self, path: str) -> None:
        """Detect with this weights file from now on."""
        self._present_parameters().weights = path

    def _present_parameters(self) -> Any:
        """Also while another module is shown: a detection may end then."""
        return self._logic.getParameterNode() if self._parameters is None else self._parameters

    def _use(self, parameters: Any) -> None:
        if self._parameters is not None:
            self._parameters.disconnectGui(self._connection)
            self.removeObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self._on_modified)
        self._parameters, self._connection = parameters, None
        if parameters is not None:
            self._connection = parameters.connectGui(self._ui)
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self._on_modified)
            self._on_modified()

    def _choose_input(self) -> None:
        """A scene with one scan needs no choice."""
        self._node_arrived = False
        if self._parameters is not None and self._parameters.inputNode is None:
            self._parameters.inputNode = _scan_in(slicer.mrmlScene)

    def _on_node_added(self, caller: Any, event: Any) -> None:
        """A node that is being loaded is still empty; `_look` sees it when it is there."""
        self._node_arrived = True

    def _look(self) -> None:
        if self._node_arrived:
            self._choose_input()
        self.detection.update()

    def _on_modified(self, caller: Any = None, event: Any = None) -> None:
        parameters = self._parameters
        if parameters is None:
            return
        if self._ui.weightsPathLineEdit.currentPath != parameters.weights:
            self._ui.weightsPathLineEdit.currentPath = parameters.weights
        if parameters.landmarkSet == LandmarkSetChoice.CUSTOM and not parameters.weights:
            self._ui.advancedCollapsibleButton.collapsed = False
        self._plan_and_review(parameters.landmarks)
        self.detection.update()

    def _plan_and_review(self, node: Any) -> None:
        scan = self._present_parameters().inputNode
        self.review.setLandmarkNode(node)
        self.planning.setLandmarkNode(node, scan if scan is not None and scan.IsA("vtkMRMLModelNode") else None)

    def _on_weights(self, path: str) -> None:
        if self._parameters is not None:
            self._parameters.weights = path

    def _help_with_failure(self, error: Exception) -> None:
        """Where there is no face, three points placed by hand may help."""
        if getattr(error, "kind", "") == "FaceNotFoundError":
            self._ui.reviewContainer.collapsed = False
            self.review.openManualPose()
            qt.QTimer.singleShot(0, self._show_manual_pose)  # it has its size once the events are processed

    def _show_manual_pose(self) -> None:
        scroll_to(self.review.ui.poseCollapsibleButton)


def scroll_to(widget: Any) -> None:
    """Bring a widget into sight within the scroll area that it lies in."""
    parent = widget.parentWidget()
    while parent is not None and not parent.inherits("QScrollArea"):
        parent = parent.parentWidget()
    if parent is not None:
        parent.ensureWidgetVisible(widget)


def _scan_in(scene: Any) -> Any:
    """The first model, else the first volume, that is no helper of the application's views; None without any."""
    for kind in ("vtkMRMLModelNode", "vtkMRMLScalarVolumeNode"):
        for place in range(scene.GetNumberOfNodesByClass(kind)):
            node = scene.GetNthNodeByClass(place, kind)
            if not node.GetHideFromEditors():
                return node
    return None
