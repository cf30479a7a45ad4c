"""The panel's parameters as the settings of a detection."""

from __future__ import annotations

from typing import Any

from ..detection_options import DetectionOptions
from ..parameters import LandmarkSetChoice
from ..services import InitialLandmarks
from ..translation import _


def options_of(parameters: Any, initial_landmarks: InitialLandmarks | None = None) -> DetectionOptions:
    """The settings; ValueError where they cannot be used.

    Parameters
    ----------
    parameters : FacialLandmarks3DParameterNode
    initial_landmarks : mapping, optional, where the pose is given by hand
    """
    custom = parameters.landmarkSet == LandmarkSetChoice.CUSTOM
    if custom and not parameters.weights:
        raise ValueError(_("Select your model file in the section Advanced."))
    return DetectionOptions(
        landmark_set="all" if custom else parameters.landmarkSet.value,
        device=parameters.device.value,
        seed=parameters.seed,
        refine=parameters.refinement.value,
        weights=parameters.weights or None,
        initial_landmarks=initial_landmarks,
    )
