"""Texts for the user in the language of Slicer; as they are where there is no Slicer, as in tests."""

from __future__ import annotations

try:
    from slicer.i18n import tr as _
except ImportError:

    def _(text: str) -> str:
        return text


__all__ = ["_"]
