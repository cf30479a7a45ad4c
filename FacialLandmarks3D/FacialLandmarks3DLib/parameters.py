"""What the user chooses in the panel; kept in the scene by Slicer's parameter node."""

import enum
from typing import Annotated, Union

from slicer import (
    vtkMRMLLabelMapVolumeNode,
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLModelNode,
    vtkMRMLScalarVolumeNode,
)
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from .translation import _

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
            LandmarkSetChoice.CUSTOM: _("All of my own model file"),
        }[self]


class DeviceChoice(enum.Enum):
    """What computes."""

    CPU = "cpu"
    AUTO = "auto"
    CUDA = "cuda"
    MPS = "mps"

    def label(self) -> str:
        """The text in the panel."""
        return {
            DeviceChoice.CPU: _("Processor"),
            DeviceChoice.AUTO: _("Graphics card where there is one"),
            DeviceChoice.CUDA: _("NVIDIA graphics card (CUDA)"),
            DeviceChoice.MPS: _("Apple graphics (MPS)"),
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
            RefinementChoice.GUIDED: _("On the surface, guided by the other landmarks"),
            RefinementChoice.SURFACE: _("On the surface"),
            RefinementChoice.AMPLITUDE: _("On a vertex, free amplitude"),
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
