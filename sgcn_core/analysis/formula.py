"""A small language for measurements: ``100 * distance(al_r, al_l) / distance(n, sn)``.

A formula is parsed into its own operations. Nothing else can be written in it, and no code is ever run. Points are
landmarks, ``mid(a, b)`` and ``mean(a, b, c)``; numbers are joined by ``+ - * /``. ``en_side`` and ``en_other`` stand
for the landmark of the side that is measured and of the other one. Lengths are millimetres, angles degrees. ``view`` is
``sagittal``, ``coronal`` or ``axial``: what is measured is then projected onto that plane; without it, it is measured
in space.

================================  ====================================================================================
distance(p, q[, view])            length of the straight line
geodesic(p, q, ...)               length of the shortest way over the surface, through all points
angle(p, q, r[, view])            angle at q, 0 to 180
angle_between(p, q, r, s[, view])  angle between the directions p to q and r to s, 0 to 180
elevation(p, q[, view])           how far the direction p to q rises above the horizontal plane, negative if it falls;
                                  in the sagittal view counted from forward, -180 to 180
to_line(p, a, b)                  distance of p from the straight line through a and b
ahead(p, a, b)                    the same in the sagittal view: positive in front of the line
to_plane(p, a, b, c)              distance of p from the plane through three points, positive in front of it
midline(p)                        distance of p from the midsagittal plane, positive on the subject's left
left(p, q), up(p, q), forward(p, q)  how far q lies to the left of, above, in front of p
true_up, true_forward, true_elevation  the same, only where a horizontal is given (natural head position, Frankfort)
abs, sqrt, min, max               of numbers
================================  ====================================================================================
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sgcn_core.analysis.head_frame import HeadFrame, unit
from sgcn_core.errors import SettingsError

FloatArray = NDArray[np.float64]

VIEWS: tuple[str, ...] = ("sagittal", "coronal", "axial")
_LONGEST = 2000


@dataclass(frozen=True, eq=False)
class Scene:
    """K sets of landmarks to evaluate a formula on.

    Attributes
    ----------
    point : gives the positions (K, 3) of a landmark or a derived point
    frame : the head's directions, where they are known
    geodesic : gives lengths (K,) over the surface between two points (K, 3)
    """

    point: Callable[[str], FloatArray]
    frame: HeadFrame | None = None
    geodesic: Callable[[FloatArray, FloatArray], FloatArray] | None = None


Operation = Callable[[Scene], FloatArray]


@dataclass(frozen=True, eq=False)
class Formula:
    """A parsed formula.

    Attributes
    ----------
    text : as it was written
    kind : "number" or "point"
    names : landmarks and derived points that it uses, in order of appearance
    needs : of "left", "up", "horizontal" and "surface" what it needs besides the landmarks
    evaluate : gives its values (K,), or points (K, 3), on a scene
    """

    text: str
    kind: str
    names: tuple[str, ...]
    needs: frozenset[str]
    evaluate: Operation


def parse_formula(text: str) -> Formula:
    """Parse a formula.

    Raises
    ------
    SettingsError
        It is no formula; says where and why.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise SettingsError(f"a formula is a text of at most {_LONGEST} characters; received {str(text)[:60]!r}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SettingsError(f"the formula {text!r} cannot be read: {getattr(error, 'msg', error)}") from error
    reader = _Reader(text)
    try:
        kind, evaluate = reader.read(tree)
    except RecursionError as error:
        raise SettingsError(f"the formula {text[:60]!r} is nested too deeply") from error
    return Formula(text, kind, tuple(dict.fromkeys(reader.names)), frozenset(reader.needs), evaluate)


def for_side(text: str, side: str) -> str:
    """The formula of one side, ``"r"`` or ``"l"``: the words ``_side`` and ``_other`` replaced."""
    other = {"r": "l", "l": "r"}[side]
    return _replace_word(_replace_word(text, "_side", f"_{side}"), "_other", f"_{other}")


def is_paired(text: str) -> bool:
    """Whether a formula is measured on either side."""
    return for_side(text, "r") != text


def _replace_word(text: str, word: str, by: str) -> str:
    parts = text.split(word)
    joined = parts[0]
    for part in parts[1:]:
        joined += (word if part[:1].isalnum() or part[:1] == "_" else by) + part
    return joined


class _Reader:
    """Turns a syntax tree into operations; everything that is not listed is refused."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        self.needs: set[str] = set()

    def refuse(self, why: str) -> SettingsError:
        return SettingsError(f"the formula {self.text!r} is wrong: {why}")

    def read(self, node: ast.expr) -> tuple[str, Operation]:
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
                raise self.refuse(f"{node.value!r} is not a number")
            value = np.array([float(node.value)])
            return "number", lambda scene: value
        if isinstance(node, ast.Name):
            return self._point(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self._number(node.operand)
            return "number", lambda scene: -inner(scene)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            join = _OPERATORS[type(node.op)]
            first, second = self._number(node.left), self._number(node.right)
            return "number", lambda scene: join(first(scene), second(scene))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node.func.id, node)
        raise self.refuse(f"{ast.unparse(node)!r} is neither a landmark, a number, a function, nor + - * /")

    def _point(self, name: str) -> tuple[str, Operation]:
        if name in VIEWS or name in FUNCTIONS:
            raise self.refuse(f"{name!r} is not a landmark; write {FUNCTIONS.get(name, VIEW_HELP)}")
        self.names.append(name)
        return "point", lambda scene: scene.point(name)

    def _number(self, node: ast.expr) -> Operation:
        kind, operation = self.read(node)
        if kind != "number":
            raise self.refuse(f"{ast.unparse(node)!r} is a point where a number is needed")
        return operation

    def _call(self, name: str, node: ast.Call) -> tuple[str, Operation]:
        if name not in FUNCTIONS:
            similar = get_close_matches(name, FUNCTIONS, n=2)
            hint = f"; similar: {', '.join(similar)}" if similar else f"; there are {', '.join(sorted(FUNCTIONS))}"
            raise self.refuse(f"no function {name!r}{hint}")
        if node.keywords:
            raise self.refuse("arguments have no names")
        arguments, view = list(node.args), ""
        if arguments and isinstance(arguments[-1], ast.Name) and arguments[-1].id in VIEWS:
            view = arguments.pop().id  # type: ignore[attr-defined]
        if view and "view" not in FUNCTIONS[name]:
            raise self.refuse(f"{name} takes no view; write {FUNCTIONS[name]}")
        read = [self.read(each) for each in arguments]
        wanted = "number" if name in _OF_NUMBERS else "point"
        least, most = _ARITY[name]
        if not least <= len(read) <= most or any(kind != wanted for kind, _ in read):
            raise self.refuse(f"write {FUNCTIONS[name]}, with {wanted}s; received {ast.unparse(node)}")
        self.needs |= _NEEDS.get(name, set()) | _VIEW_NEEDS.get(view, set())
        parts = [operation for _, operation in read]
        compute = _COMPUTE[name]
        return (
            "point" if name in ("mid", "mean") else "number",
            lambda scene: compute(scene, view, *(part(scene) for part in parts)),
        )


def _frame(scene: Scene) -> HeadFrame:
    if scene.frame is None:
        raise ValueError("the scene has no head frame")
    return scene.frame


def _dot(first: FloatArray, second: FloatArray) -> FloatArray:
    product: FloatArray = (first * second).sum(axis=-1)
    return product


def _direction(scene: Scene, name: str) -> FloatArray:
    direction: FloatArray | None = getattr(_frame(scene), name)
    if direction is None:
        raise ValueError(f"the head frame has no direction {name}")
    return direction


def _seen(scene: Scene, view: str, vectors: FloatArray) -> FloatArray:
    """Vectors projected onto the plane of the view."""
    if not view:
        return vectors
    normal = _direction(scene, {"sagittal": "left", "coronal": "forward", "axial": "up"}[view])
    projected: FloatArray = vectors - _dot(vectors, normal)[..., None] * normal
    return projected


def _distance(scene: Scene, view: str, p: FloatArray, q: FloatArray) -> FloatArray:
    length: FloatArray = np.linalg.norm(_seen(scene, view, q - p), axis=-1)
    return length


def _angle_between(scene: Scene, view: str, p: FloatArray, q: FloatArray, r: FloatArray, s: FloatArray) -> FloatArray:
    first, second = unit(_seen(scene, view, q - p)), unit(_seen(scene, view, s - r))
    # Accurate for small angles too (Kahan): not the arc cosine of the product.
    angle: FloatArray = np.degrees(
        2.0 * np.arctan2(np.linalg.norm(first - second, axis=-1), np.linalg.norm(first + second, axis=-1))
    )
    return angle


def _elevation(scene: Scene, view: str, p: FloatArray, q: FloatArray) -> FloatArray:
    along = q - p
    rise = _dot(along, _direction(scene, "up"))
    if view == "sagittal":
        run = _dot(along, _direction(scene, "forward"))
    elif view == "coronal":
        run = np.abs(_dot(along, _direction(scene, "left")))
    else:
        run = np.sqrt(np.maximum(_dot(along, along) - rise**2, 0.0))
    angle: FloatArray = np.degrees(np.arctan2(rise, run))
    return angle


def _to_line(scene: Scene, view: str, p: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    away: FloatArray = np.linalg.norm(np.cross(p - a, unit(b - a)), axis=-1)
    return away


def _ahead(scene: Scene, view: str, p: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    left = _direction(scene, "left")
    across = np.cross(left, unit(_seen(scene, "sagittal", b - a)))
    side = np.sign(_dot(across, _direction(scene, "forward")))
    distance: FloatArray = _dot(p - a, across) * side
    return distance


def _to_plane(scene: Scene, view: str, p: FloatArray, a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    normal = unit(np.cross(b - a, c - a))
    side = np.sign(_dot(normal, _direction(scene, "forward")))
    distance: FloatArray = _dot(p - a, normal) * side
    return distance


def _geodesic(scene: Scene, view: str, *points: FloatArray) -> FloatArray:
    if scene.geodesic is None:
        raise ValueError("the scene has no surface")
    lengths = [scene.geodesic(first, second) for first, second in pairwise(points)]
    return reduce(np.add, lengths)


def _component(name: str) -> Callable[..., FloatArray]:
    return lambda scene, view, p, q: _dot(q - p, _direction(scene, name))


VIEW_HELP = "sagittal, coronal or axial as the last argument of a function"
_OPERATORS: dict[type[ast.operator], Callable[[FloatArray, FloatArray], FloatArray]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
}
FUNCTIONS: Mapping[str, str] = {
    "mid": "mid(p, q)",
    "mean": "mean(p, q, ...)",
    "distance": "distance(p, q[, view])",
    "geodesic": "geodesic(p, q, ...)",
    "angle": "angle(p, q, r[, view])",
    "angle_between": "angle_between(p, q, r, s[, view])",
    "elevation": "elevation(p, q[, view])",
    "true_elevation": "true_elevation(p, q[, view])",
    "to_line": "to_line(p, a, b)",
    "ahead": "ahead(p, a, b)",
    "to_plane": "to_plane(p, a, b, c)",
    "midline": "midline(p)",
    **{name: f"{name}(p, q)" for name in ("left", "up", "forward", "true_up", "true_forward")},
    **{name: f"{name}(x)" for name in ("abs", "sqrt")},
    **{name: f"{name}(x, y, ...)" for name in ("min", "max")},
}
_OF_NUMBERS = ("abs", "sqrt", "min", "max")
_COUNTS = {"midline": 1, "abs": 1, "sqrt": 1, "angle": 3, "to_line": 3, "ahead": 3, "angle_between": 4, "to_plane": 4}
_ARITY = {
    name: (2, 20) if name in ("mean", "geodesic", "min", "max") else (_COUNTS.get(name, 2),) * 2 for name in FUNCTIONS
}
_NEEDS = {
    "geodesic": {"surface"},
    "midline": {"left"},
    "left": {"left"},
    **{name: {"left", "up"} for name in ("elevation", "ahead", "to_plane", "up", "forward")},
    **{name: {"left", "up", "horizontal"} for name in ("true_elevation", "true_up", "true_forward")},
}
_VIEW_NEEDS = {"sagittal": {"left"}, "coronal": {"left", "up"}, "axial": {"left", "up"}}
_COMPUTE: Mapping[str, Callable[..., FloatArray]] = {
    "mid": lambda scene, view, p, q: (p + q) / 2.0,
    "mean": lambda scene, view, *points: sum(points[1:], points[0]) / len(points),
    "distance": _distance,
    "geodesic": _geodesic,
    "angle": lambda scene, view, p, q, r: _angle_between(scene, view, q, p, q, r),
    "angle_between": _angle_between,
    "elevation": _elevation,
    "true_elevation": _elevation,
    "to_line": _to_line,
    "ahead": _ahead,
    "to_plane": _to_plane,
    "midline": lambda scene, view, p: _dot(p - _frame(scene).origin, _direction(scene, "left")),
    "left": _component("left"),
    "up": _component("up"),
    "forward": _component("forward"),
    "true_up": _component("up"),
    "true_forward": _component("forward"),
    "abs": lambda scene, view, x: np.abs(x),
    "sqrt": lambda scene, view, x: np.sqrt(np.maximum(x, 0.0)),
    "min": lambda scene, view, *values: reduce(np.minimum, values),
    "max": lambda scene, view, *values: reduce(np.maximum, values),
}
