"""Whether landmarks can be placed now, and if not, why."""

from __future__ import annotations

from typing import Any

from ..sources import source_of
from ..translation import _
from .settings import options_of


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
        return str(error)
    return _("Something else is being computed, such as a batch; wait for it, or cancel it.") if busy else ""
