"""Drawings as SVG: millimetres of the page, escaped text, a title and a description for those who cannot see them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Tree

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from markupsafe import Markup

INK, FAINT = "#22262e", "#6a707a"
FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"


def number(value: float) -> str:
    """A coordinate with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


class Drawing:
    """An SVG element that is built step by step.

    Parameters
    ----------
    width, height : float
        Millimetres of the page; coordinates are millimetres from the upper left corner.
    title, description : str
        Read out by a screen reader.
    fixed : bool
        Whether it keeps its size (a drawing that is true to scale); otherwise it shrinks with the page.
    """

    def __init__(self, width: float, height: float, *, title: str, description: str, fixed: bool = False) -> None:
        self.width, self.height = width, height
        attributes = {"viewBox": f"0 0 {number(width)} {number(height)}", "role": "img", "class": "drawing"}
        attributes |= {"aria-label": f"{title}. {description}", "font-family": FONT}
        if fixed:
            attributes |= {"width": f"{number(width)}mm", "height": f"{number(height)}mm"}
        else:
            attributes |= {"style": f"width:100%;max-width:{number(width)}mm"}
        self.root = Tree.Element("svg", attributes)
        self._into = self.root
        Tree.SubElement(self.root, "title").text = title
        Tree.SubElement(self.root, "desc").text = description

    def clip(self, name: str, left: float, top: float, width: float, height: float) -> None:
        """What follows is drawn within this rectangle; `name` is unique on its page."""
        definition = Tree.SubElement(Tree.SubElement(self.root, "defs"), "clipPath", {"id": name})
        Tree.SubElement(definition, "rect", _box(left, top, width, height))
        self._into = Tree.SubElement(self.root, "g", {"clip-path": f"url(#{name})"})

    def unclip(self) -> None:
        """What follows is drawn everywhere."""
        self._into = self.root

    def image(self, png: bytes, left: float, top: float, width: float, height: float) -> None:
        """A PNG picture, embedded."""
        encoded = base64.b64encode(png).decode("ascii")
        place = _box(left, top, width, height) | {"preserveAspectRatio": "none"}
        Tree.SubElement(self._into, "image", place | {"href": f"data:image/png;base64,{encoded}"})

    def rect(self, left: float, top: float, width: float, height: float, *, fill: str, stroke: str = "none") -> None:
        """A rectangle."""
        style = {"fill": fill, "stroke": stroke, "stroke-width": "0.2"}
        Tree.SubElement(self._into, "rect", _box(left, top, width, height) | style)

    def line(
        self, points: ArrayLike, *, colour: str = INK, width: float = 0.3, dash: str = "", halo: float = 0.0
    ) -> None:
        """A line through points (K, 2); `halo` millimetres of white beside it lift it off a picture."""
        path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in np.asarray(points, dtype=float).tolist())
        style = {"d": path, "fill": "none", "stroke-linejoin": "round", "stroke-linecap": "butt"}
        if halo:
            under = {"stroke": "#fff", "stroke-width": number(width + 2 * halo), "stroke-opacity": "0.75"}
            Tree.SubElement(self._into, "path", style | under)
        dashed = {"stroke-dasharray": dash} if dash else {}
        Tree.SubElement(self._into, "path", style | {"stroke": colour, "stroke-width": number(width)} | dashed)

    def arrow(self, start: ArrayLike, end: ArrayLike, *, colour: str, width: float = 0.35, filled: bool = True) -> None:
        """A line with a head at its end; an open head where not `filled`."""
        (x0, y0), (x1, y1) = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
        length = float(np.hypot(x1 - x0, y1 - y0))
        along = np.array([x1 - x0, y1 - y0]) / max(length, 1e-9)
        across, tip = np.array([-along[1], along[0]]), np.array([x1, y1])
        size = min(2.2, max(0.9, 0.5 * length))
        back = tip - size * along
        self.line([(x0, y0), tuple(back if filled else tip)], colour=colour, width=width, halo=0.15)
        corners = [tip, back + 0.4 * size * across, back - 0.4 * size * across]
        points = " ".join(f"{number(x)},{number(y)}" for x, y in corners)
        style = {"fill": colour if filled else "#fff", "stroke": colour, "stroke-width": "0.2"}
        Tree.SubElement(self._into, "polygon", {"points": points} | style)

    def circle(self, x: float, y: float, radius: float, *, fill: str, stroke: str = "#fff", width: float = 0.2) -> None:
        """A disc with an outline."""
        place = {"cx": number(x), "cy": number(y), "r": number(radius)}
        Tree.SubElement(self._into, "circle", place | {"fill": fill, "stroke": stroke, "stroke-width": number(width)})

    def diamond(self, x: float, y: float, radius: float, *, fill: str, stroke: str = INK, width: float = 0.25) -> None:
        """A square that stands on a corner."""
        corners = [(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)]
        points = " ".join(f"{number(a)},{number(b)}" for a, b in corners)
        style = {"points": points, "fill": fill, "stroke": stroke, "stroke-width": number(width)}
        Tree.SubElement(self._into, "polygon", style)

    def text(
        self,
        words: str,
        x: float,
        y: float,
        *,
        size: float = 2.8,
        colour: str = INK,
        anchor: str = "start",
        bold: bool = False,
        halo: bool = False,
        turned: float = 0.0,
    ) -> None:
        """Text, vertically centred on `y`; `anchor` start, middle or end; `turned` degrees clockwise."""
        style = {"x": number(x), "y": number(y + 0.35 * size), "font-size": number(size), "fill": colour}
        style |= {"text-anchor": anchor} if anchor != "start" else {}
        style |= {"font-weight": "bold"} if bold else {}
        style |= {"transform": f"rotate({number(turned)} {number(x)} {number(y)})"} if turned else {}
        if halo:
            style |= {"stroke": "#fff", "stroke-width": number(0.22 * size), "paint-order": "stroke"}
            style |= {"stroke-linejoin": "round"}
        Tree.SubElement(self._into, "text", style).text = words

    def markup(self) -> Markup:
        """The finished element, safe to put into a page."""
        from markupsafe import Markup

        return Markup(Tree.tostring(self.root, encoding="unicode"))


def scale_bar(drawing: Drawing, x: float, y: float, *, scale: float, length: float = 50.0) -> None:
    """A bar of so many millimetres of the face, with ticks every 10 mm; `scale` as in drawings."""
    drawing.line([(x, y), (x + length * scale, y)], width=0.35)
    for tick in np.arange(0, length + 1e-6, 10.0):
        high = 1.6 if tick % 50 == 0 else 0.9
        drawing.line([(x + tick * scale, y - high), (x + tick * scale, y)], width=0.3)
    drawing.text(f"{length:g} mm", x + length * scale + 1.5, y - 0.6, size=2.6)


def text_width(words: str, size: float) -> float:
    """About how wide a text is, in the unit of its size."""
    return 0.56 * size * len(words)


def _box(left: float, top: float, width: float, height: float) -> dict[str, str]:
    return {"x": number(left), "y": number(top), "width": number(width), "height": number(height)}


def spread_labels(wanted: Sequence[float], *, low: float, high: float, gap: float) -> list[float]:
    """Rows for labels, as near as possible to the wanted ones and at least `gap` apart, in the order given."""
    from sgcn_core.viz.labels import spread

    order = np.argsort(wanted, kind="stable")
    places = spread(np.asarray(wanted, dtype=float)[order], low=low, high=high, gap=gap)
    found = np.empty(len(order))
    found[order] = places
    return [float(place) for place in found]
