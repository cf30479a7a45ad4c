"""Facial landmarks on 3D face scans and on the skin of CT and MR images: the module of 3D Slicer.

The work is done in ``FacialLandmarks3DLib`` and, by a worker process, in ``sgcn_core``.
"""

from __future__ import annotations

import importlib
import sys
import unittest
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import slicer
from FacialLandmarks3DLib.detection.parameters import FacialLandmarks3DParameterNode
from FacialLandmarks3DLib.worker.python import make_importable
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

_LIBRARY = "FacialLandmarks3DLib"


class FacialLandmarks3D(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent: Any) -> None:
        from FacialLandmarks3DLib.about import CONTRIBUTORS, acknowledgement, help_text

        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Facial Landmarks 3D")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Shape Analysis")]
        self.parent.dependencies = []  # PyTorch is looked for when it is needed: the module opens without it
        self.parent.contributors = list(CONTRIBUTORS)
        self.parent.helpText = help_text()
        self.parent.acknowledgementText = acknowledgement()
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData() -> None:
    """Offer the module's sample data in Slicer's Sample Data module."""
    from FacialLandmarks3DLib.about import registerSampleData as register

    register()


class FacialLandmarks3DWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel; its parts are put together here and know nothing of each other."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: FacialLandmarks3DLogic | None = None
        self.panel: Any = None

    def setup(self) -> None:
        """Build the panel when the module is opened for the first time."""
        from FacialLandmarks3DLib.module_panel import ModulePanel

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/FacialLandmarks3D.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = FacialLandmarks3DLogic()
        self.panel = ModulePanel(self.ui, self.logic)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        for event in (
            slicer.mrmlScene.EndCloseEvent,
            slicer.mrmlScene.EndImportEvent,
            slicer.mrmlScene.EndRestoreEvent,
        ):
            self.addObserver(slicer.mrmlScene, event, self.onSceneIsNew)
        self.panel.enter()

    def cleanup(self) -> None:
        """Before the application closes or the module is reloaded."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.cleanup()
            self.panel = None

    def enter(self) -> None:
        """Each time the user opens the module."""
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        """Each time the user opens another module; a detection goes on."""
        if self.panel is not None:
            self.panel.exit()

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        """The nodes are about to go."""
        if self.panel is not None:
            self.panel.scene_closes()

    def onSceneIsNew(self, caller: Any, event: Any) -> None:
        """The scene was closed, loaded or restored: a module that is shown gets its parameters at once."""
        if self.panel is not None and self.parent.isEntered:
            self.panel.enter()

    def onReload(self) -> None:
        """Reload the module with all its parts, which Slicer's own reload leaves as they were."""
        from FacialLandmarks3DLib.worker.keeper import close_shared_worker

        close_shared_worker()
        reload_library()
        ScriptedLoadableModuleWidget.onReload(self)


def reload_library() -> None:
    """Load the parts of the module anew, those first that others import."""
    names = [name for name in sys.modules if name == _LIBRARY or name.startswith(_LIBRARY + ".")]
    modules = {name: sys.modules.pop(name) for name in names}
    try:
        for name in names:
            importlib.import_module(name)
    except Exception:  # an edit that does not load: what there was stays, and the error is shown
        sys.modules.update(modules)
        raise


class FacialLandmarks3DLogic(ScriptedLoadableModuleLogic):
    """Places landmarks, with or without the panel.

    Examples
    --------
    >>> logic = slicer.util.getModuleLogic("FacialLandmarks3D")
    >>> landmarks = logic.placeLandmarks(slicer.util.getNode("Face"), landmarkSet="clinical")
    """

    def __init__(self) -> None:
        from FacialLandmarks3DLib.detection.landmarker import Landmarker
        from FacialLandmarks3DLib.worker.keeper import shared_worker

        ScriptedLoadableModuleLogic.__init__(self)
        make_importable()
        self.landmarker = Landmarker(shared_worker(), slicer.mrmlScene)

    def getParameterNode(self) -> FacialLandmarks3DParameterNode:
        """The parameters in the present scene."""
        return FacialLandmarks3DParameterNode(super().getParameterNode())  # type: ignore[call-arg]

    def placeLandmarks(
        self,
        inputNode: Any,
        landmarkSet: str = "clinical",
        outputNode: Any = None,
        wait: bool = True,
        *,
        initialLandmarks: Mapping[str, Sequence[float]] | None = None,
        device: str = "cpu",
        seed: int = 0,
        refine: str | None = None,
        weights: str | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> Any:
        """Place the landmarks of a face on a model, or on the skin of a volume.

        Parameters
        ----------
        inputNode : vtkMRMLModelNode, vtkMRMLScalarVolumeNode or vtkMRMLLabelMapVolumeNode
        landmarkSet : "clinical", "ibug68" or "all" that the weights know
        outputNode : vtkMRMLMarkupsFiducialNode, optional
            What it holds is replaced; by default a new node is made.
        wait : bool
            False: return at once.
        initialLandmarks : mapping, optional
            Positions in the world (RAS, mm) of at least "ex_r", "ex_l" and "prn", where the pose is given by hand.
        device : "cpu", "cuda", "cuda:1", "mps" or "auto"
        seed : int, of the surface sampling
        refine : str, optional, see ``sgcn_core.refinement.modes``
        weights : path, optional, of a weights file
        progress : callable, optional
            Called with the name of the stage that begins and the share done, 0 to 1.

        Returns
        -------
        vtkMRMLMarkupsFiducialNode
            Missing landmarks have the position status "missing". With ``wait=False`` the `LandmarkJob`, with
            ``done``, ``result()``, ``error`` and ``cancel()``; in Slicer a timer drives it, elsewhere call ``poll()``.

        Raises
        ------
        ValueError
            A node or a setting that cannot be used.
        RuntimeError
            The detection failed, such as where there is no face; the message says why.
        """
        from FacialLandmarks3DLib.detection.landmarker import drive, process_events

        from sgcn_core.settings import DetectionSettings

        settings = DetectionSettings(
            landmark_set=landmarkSet,
            device=device,
            seed=seed,
            refine=refine,
            weights=weights or None,
            initial_landmarks=initialLandmarks,
        )
        job = self.landmarker.start(inputNode, settings, outputNode, progress=progress)
        if wait:
            return job.wait(process_events())
        drive(job)
        return job

    def planning(self, landmarks: Any, surface: Any = None) -> Any:
        """Measurements, midsagittal plane, maps and comparisons of landmarks, as nodes of the scene.

        Parameters
        ----------
        landmarks : vtkMRMLMarkupsFiducialNode
        surface : vtkMRMLModelNode, optional
            The scan that they lie on, where they were not placed by this module in this scene.

        Returns
        -------
        FacialLandmarks3DLib.planning.session.Planning
        """
        from FacialLandmarks3DLib.planning.session import Planning

        return Planning(landmarks, surface)


class FacialLandmarks3DTest(ScriptedLoadableModuleTest):
    """What can only be tested within Slicer; the rest is in ``Testing/``."""

    def setUp(self) -> None:
        """An empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self, **kwargs: Any) -> None:
        """Everything, one after the other."""
        from FacialLandmarks3DLib.self_test import SELF_TESTS
        from FacialLandmarks3DLib.self_test_planning import PLANNING_TESTS

        for test in (*SELF_TESTS, *PLANNING_TESTS):
            self.setUp()
            self.delayDisplay(test.__name__)
            try:
                test(self)
            except unittest.SkipTest as reason:
                self.delayDisplay(f"{test.__name__} skipped: {reason}")
        self.setUp()
