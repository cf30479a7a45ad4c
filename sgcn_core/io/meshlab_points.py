"""MeshLab's picked points (.pp): XML with one element ``point`` for each."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from sgcn_core.io.landmark_text import Rows
from sgcn_core.types.landmarks import LandmarkResult

_ROOT, _POINT = "PickedPoints", "point"


def parse_pp(text: str) -> LandmarkResult:
    """Read the points with their names; one that is not active has been named and not placed.

    The format states neither unit nor frame: the points lie in the coordinates of the mesh that they were picked on.
    Entities are not expanded; a file that declares any is refused.
    """
    rows, path = Rows(), list[str]()

    def start(name: str, attributes: dict[str, str]) -> None:
        if not path and name != _ROOT:
            raise ValueError(f"its root element is <{name[:40]}>, not <{_ROOT}>; it holds no picked points of MeshLab")
        path.append(name)
        if name == _POINT and len(path) == 2:
            _add(rows, attributes)

    def refuse(*_: Any) -> None:
        raise ValueError("it declares XML entities, which no file of MeshLab does; it is not read")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: path.pop()
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        raise ValueError(f"it is no whole XML file ({error}); save it again in MeshLab") from error
    return rows.result()


def _add(rows: Rows, attributes: dict[str, str]) -> None:
    name = attributes.get("name", "").strip()
    if not name:
        raise ValueError("a point has no name; name the points in MeshLab")
    active = attributes.get("active", "1").strip() not in ("0", "false")
    position = [attributes.get(axis, "").replace(",", ".") for axis in "xyz"] if active else None
    if position is not None and not all(position):
        raise ValueError(f"the point {name!r} lacks one of the attributes x, y and z")
    rows.add(name, position, 1.0, "found" if active else "missing")
