"""What a command said, whatever the width of the terminal and the length of the paths in it."""

from __future__ import annotations


def said(output: str) -> str:
    """The words of ``output`` on one line, without the frame that errors are drawn in."""
    return " ".join(output.replace("│", " ").split())
