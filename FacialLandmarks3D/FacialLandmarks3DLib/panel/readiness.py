"""Whether landmarks can be placed now, and if not, why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parameters import LandmarkSetChoice
from ..sources import source_of
from ..translation import _


def why_not(parameters: Any, *, busy: bool) -> str:
    """The reason why landmarks cannot be placed, for the user; empty where they can.

    Parameters
    ----------
    parameters : FacialLandmarks3DParameterNode or None
    busy : bool, whether the worker is at work for somebody else
    """
    if parameters is None:
        return _("The scene is being closed.")
    if parameters.inputNode is None:
        return _("Select a model or a volume of a face.")
    if parameters.landmarkSet == LandmarkSetChoice.CUSTOM and not parameters.weights:
        return _("Select your model file in the section Advanced.")
    if parameters.weights and not Path(parameters.weights).is_file():
        return _("There is no model file {path!r}; select another one in the section Advanced.").format(
            path=parameters.weights
        )
    try:
        source_of(parameters.inputNode)
    except ValueError as error:
        return str(error)
    return _("The batch is running; wait for it, or cancel it.") if busy else ""
