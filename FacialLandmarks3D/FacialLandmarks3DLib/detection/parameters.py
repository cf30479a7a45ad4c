"""What the user chooses in the panel, kept in the scene; as the settings of a detection, and why there can be none."""

import enum
from typing import Annotated, Any, Union

from slicer import vtkMRMLLabelMapVolumeNode, vtkMRMLMarkupsFiducialNode, vtkMRMLModelNode, vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from ..messages import _, sentence
from ..scene.sources import source_of
from .services import InitialLandmarks

HIGHEST_SEED = 2**31 - 1


class LandmarkSetChoice(enum.Enum):
    """Which landmarks; `CUSTOM` are those of a model file."""

    CLINICAL = "clinical"
    IBUG68 = "ibug68"
    ALL = "all"
    CUSTOM = "custom"

    def label(self) -> str:
        """The text in the panel."""
        return {
            LandmarkSetChoice.CLINICAL: _("Clinical (62 landmarks)"),
            LandmarkSetChoice.IBUG68: _("iBUG (68 landmarks)"),
            LandmarkSetChoice.ALL: _("Clinical and iBUG"),
            LandmarkSetChoice.CUSTOM: _("All of a custom weights file"),
        }[self]


class DeviceChoice(enum.Enum):
    """Compute device."""

    CPU = "cpu"
    AUTO = "auto"
    CUDA = "cuda"
    MPS = "mps"

    def label(self) -> str:
        """The text in the panel."""
        return {
            DeviceChoice.CPU: _("CPU"),
            DeviceChoice.AUTO: _("GPU if available"),
            DeviceChoice.CUDA: _("NVIDIA GPU (CUDA)"),
            DeviceChoice.MPS: _("Apple GPU (MPS)"),
        }[self]


class RefinementChoice(enum.Enum):
    """From heatmap to position, see ``sgcn_core.refinement.modes``."""

    GUIDED = "guided"
    SURFACE = "surface"
    AMPLITUDE = "amplitude"
    PAPER = "paper"
    MEAN = "mean"

    def label(self) -> str:
        """The text in the panel."""
        return {
            RefinementChoice.GUIDED: _("On the surface, guided by the other landmarks (most accurate)"),
            RefinementChoice.SURFACE: _("On the surface"),
            RefinementChoice.AMPLITUDE: _("On a vertex, fitted amplitude"),
            RefinementChoice.PAPER: _("On a vertex, as published"),
            RefinementChoice.MEAN: _("Weighted mean"),
        }[self]


# typing.Union: the connectors of Slicer 5.10 know the nodes of `A | B` not as such.
InputNode = Union[vtkMRMLModelNode, vtkMRMLScalarVolumeNode, vtkMRMLLabelMapVolumeNode, None]  # noqa: UP007


@parameterNodeWrapper
class FacialLandmarks3DParameterNode:
    """Parameters of the panel.

    Attributes
    ----------
    inputNode : a model, or a volume whose skin is taken
    landmarkSet : which landmarks
    landmarks : where they go; None: a new node
    device, seed, refinement : of the detection
    weights : path of a weights file, empty for the one that comes with the module
    """

    inputNode: InputNode
    landmarkSet: LandmarkSetChoice = LandmarkSetChoice.CLINICAL
    landmarks: vtkMRMLMarkupsFiducialNode
    device: DeviceChoice = DeviceChoice.CPU
    seed: Annotated[int, WithinRange(0, HIGHEST_SEED)] = 0
    refinement: RefinementChoice = RefinementChoice.GUIDED
    weights: str = ""


def options_of(parameters: Any, initial_landmarks: InitialLandmarks | None = None) -> Any:
    """The `DetectionSettings`; ValueError where they cannot be used.

    Parameters
    ----------
    parameters : FacialLandmarks3DParameterNode
    initial_landmarks : mapping, optional, where the pose is given by hand
    """
    from sgcn_core.settings import DetectionSettings

    custom = parameters.landmarkSet == LandmarkSetChoice.CUSTOM
    if custom and not parameters.weights:
        raise ValueError(_("Select your weights file in the section Advanced."))
    return DetectionSettings(
        landmark_set="all" if custom else parameters.landmarkSet.value,
        device=parameters.device.value,
        seed=parameters.seed,
        refine=parameters.refinement.value,
        weights=parameters.weights or None,
        initial_landmarks=initial_landmarks,
    )


def why_not(parameters: Any, *, busy: bool) -> str:
    """The reason why landmarks cannot be placed, for the user; empty where they can.

    Parameters
    ----------
    parameters : FacialLandmarks3DParameterNode or None
        None while the scene is being closed.
    busy : bool
        Whether the worker is at work for somebody else.
    """
    if parameters is None:
        return _("The scene is being closed.")
    try:
        source_of(parameters.inputNode)
        options_of(parameters)
    except ValueError as error:
        return sentence(str(error))
    return _("Another detection is running, such as a batch; wait for it, or cancel it.") if busy else ""
