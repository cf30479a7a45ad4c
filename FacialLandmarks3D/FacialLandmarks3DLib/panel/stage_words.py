"""The stages of a detection in words."""

from __future__ import annotations

from ..translation import _


def stage_text(stage: str) -> str:
    """What the panel says while a stage runs; a stage that is not known is shown as it is called."""
    known = {
        "preparing": _("Preparing the surface"),
        "loading the model": _("Loading the model"),
        "skin": _("Extracting the skin"),
        "read": _("Reading"),
        "pose": _("Looking for the face"),
        "alignment": _("Aligning the face"),
        "sampling": _("Sampling the surface"),
        "network": _("Recognising landmarks"),
        "refinement": _("Placing landmarks"),
        "writing": _("Writing"),
        "finishing": _("Finishing"),
    }
    return known.get(stage, stage)
