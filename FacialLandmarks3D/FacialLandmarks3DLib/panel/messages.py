"""Messages to the user."""

from __future__ import annotations

import slicer

from ..translation import _


class Messages:
    """Dialogs of Slicer; they answer themselves where Slicer tests itself."""

    def error(self, text: str, details: str = "") -> None:
        """Show what went wrong; details can be unfolded and copied."""
        more = {"detailedText": details} if details and details != text else {}
        slicer.util.errorDisplay(text, windowTitle=_("Facial Landmarks 3D"), **more)

    def confirm(self, text: str) -> bool:
        """Whether the user agrees."""
        return bool(slicer.util.confirmOkCancelDisplay(text, windowTitle=_("Facial Landmarks 3D")))
