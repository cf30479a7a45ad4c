"""A picture to draw text, lines and dots on; needs no OpenGL."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.io.atomic import FileState, write_bytes
from sgcn_core.io.provenance import printable

Colour = tuple[float, float, float]

_ALIGNMENT = {"left": 0.0, "centre": 0.5, "right": 1.0}
_HALO = 2  # pixels


class Canvas:
    """An RGB picture, addressed by column and row from the upper left corner.

    Parameters
    ----------
    width, height : int
        Pixels.
    background : Colour
        Red, green, blue in [0, 1].
    """

    def __init__(self, width: int, height: int, background: Colour) -> None:
        self.pixels: NDArray[np.float32] = np.empty((height, width, 3), dtype=np.float32)
        self.pixels[:] = np.asarray(background, dtype=np.float32) * 255

    def paste(self, image: NDArray[np.uint8], column: int, row: int) -> None:
        """Put an (h, w, 3) image with its upper left corner here."""
        height, width = image.shape[:2]
        self.pixels[row : row + height, column : column + width] = image

    def text(
        self,
        words: str,
        column: float,
        row: float,
        *,
        size: int,
        colour: Colour,
        align: str = "left",
        halo: Colour | None = None,
    ) -> int:
        """Write text, vertically centred on the row; returns its width, pixels.

        Parameters
        ----------
        words : str
        column, row : float
        size : int
            Height of the font, pixels.
        colour : Colour
        align : {"left", "centre", "right"}
            Which part of the text is at the column.
        halo : Colour, optional
            Drawn softly around the letters, so that they can be read on anything.
        """
        mask = np.pad(text_mask(words, size), _HALO)
        left = round(column - _HALO - _ALIGNMENT[align] * (mask.shape[1] - 2 * _HALO))
        top = round(row - mask.shape[0] / 2)
        if halo is not None:
            self._blend(0.8 * _thickened(mask), left, top, halo)
        self._blend(mask, left, top, colour)
        return int(mask.shape[1]) - 2 * _HALO

    def line(self, start: tuple[float, float], end: tuple[float, float], *, colour: Colour, width: float = 1.0) -> None:
        """Draw a smooth straight line."""
        (x0, y0), (x1, y1) = start, end
        low = np.floor([min(x0, x1) - width - 1, min(y0, y1) - width - 1]).astype(int)
        high = np.ceil([max(x0, x1) + width + 2, max(y0, y1) + width + 2]).astype(int)
        columns, rows = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        along = np.array([x1 - x0, y1 - y0])
        position = ((columns - x0) * along[0] + (rows - y0) * along[1]) / max(float(along @ along), 1e-9)
        position = np.clip(position, 0, 1)
        distance = np.hypot(columns - x0 - position * along[0], rows - y0 - position * along[1])
        self._blend(np.clip(width / 2 + 0.5 - distance, 0, 1), int(low[0]), int(low[1]), colour)

    def dot(self, column: float, row: float, *, radius: float, colour: Colour) -> None:
        """Draw a filled disc."""
        self.line((column, row), (column, row), colour=colour, width=2 * radius)

    def _blend(self, mask: NDArray[np.floating], left: int, top: int, colour: Colour) -> None:
        height, width = self.pixels.shape[:2]
        column, row = max(left, 0), max(top, 0)
        right, bottom = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
        if column >= right or row >= bottom:
            return
        cover = mask[row - top : bottom - top, column - left : right - left, None].astype(np.float32)
        area = self.pixels[row:bottom, column:right]
        area += cover * (np.asarray(colour, dtype=np.float32) * 255 - area)

    def save(self, path: Path, *, unless_changed_since: FileState | None = None) -> None:
        """Write the picture as PNG; see ``sgcn_core.io.atomic.replacing``."""
        pixels = np.clip(self.pixels + 0.5, 0, 255).astype(np.uint8)
        write_bytes(path, png_bytes(pixels), unless_changed_since=unless_changed_since)


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """An (h, w, 3) picture, row 0 at the top, as the content of a PNG file."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkIOImage import vtkPNGWriter

    height, width = pixels.shape[:2]
    image = vtkImageData()
    image.SetDimensions(width, height, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(pixels[::-1]).reshape(-1, 3), deep=True))
    writer = vtkPNGWriter()
    writer.SetInputData(image)
    writer.WriteToMemoryOn()
    writer.Write()
    return bytes(memoryview(writer.GetResult()))


def _thickened(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """The highest value within the halo's distance of every pixel."""
    thick = mask
    for axis in (0, 1):
        thick = np.maximum.reduce([np.roll(thick, shift, axis) for shift in range(-_HALO, _HALO + 1)])
    return thick


@lru_cache(maxsize=1024)
def text_mask(words: str, size: int) -> NDArray[np.float32]:
    """Coverage of each pixel by the text, (h, w) in [0, 1]."""
    words = printable(words)  # VTK ends the process where text is none
    from vtkmodules import vtkRenderingFreeType  # registers the font engine
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkRenderingCore import vtkTextProperty

    style = vtkTextProperty()
    style.SetFontFamilyToArial()
    style.SetFontSize(size)
    style.SetColor(1, 1, 1)
    image = vtkImageData()
    dots_per_inch = 72  # makes the font size a number of pixels
    dimensions = [0, 0]
    tools = vtkRenderingFreeType.vtkFreeTypeTools.GetInstance()
    if not words.strip() or not tools.RenderString(style, words, dots_per_inch, image, dimensions):
        return np.zeros((size, 0), dtype=np.float32)
    padded_width, padded_height, _ = image.GetDimensions()
    cover = vtk_to_numpy(image.GetPointData().GetScalars())[:, 3].reshape(padded_height, padded_width) / 255
    return np.asarray(cover[: dimensions[1], : dimensions[0]][::-1], dtype=np.float32)
