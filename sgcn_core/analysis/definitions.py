"""What is measured: definitions of measurements, derived points and analyses, from JSON files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from sgcn_core.analysis.formula import VIEWS, Formula, for_side, is_paired, parse_formula
from sgcn_core.errors import FileFormatError, SettingsError

UNITS: tuple[str, ...] = ("mm", "deg", "%", "ratio")
SIDE_NAMES = {"r": "right", "l": "left"}
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_LARGEST = 2**24


@dataclass(frozen=True)
class Measurement:
    """One measurement, of one side where there are two.

    Attributes
    ----------
    name : unique, ends in ``_r`` or ``_l`` where there are two sides
    title : for tables
    group : part of the face, or set
    unit : "mm", "deg", "%" or "ratio"
    formula : text, see :mod:`sgcn_core.analysis.formula`; empty where it cannot be measured on a skin surface
    definition : in plain words
    reference : where the definition comes from
    reason : why it cannot be measured, where it cannot
    limit : largest half width of the 95 % interval of a reliable value, in the unit
    method : "landmarks" or "surface"; norms of another method, such as "caliper", are not compared
    """

    name: str
    title: str
    group: str
    unit: str
    formula: str
    definition: str
    reference: str = ""
    reason: str = ""
    limit: float = float("inf")
    method: str = "landmarks"

    @cached_property
    def parsed(self) -> Formula | None:
        """The formula, None where it cannot be measured."""
        return parse_formula(self.formula) if self.formula else None

    @property
    def landmarks(self) -> tuple[str, ...]:
        """Landmarks and derived points of the formula."""
        return () if self.parsed is None else self.parsed.names

    @property
    def view(self) -> str:
        """The plane onto which it is projected, or "space"."""
        views = [view for view in VIEWS if re.search(rf"\b{view}\b", self.formula)]
        sagittal = re.search(r"\b(ahead|forward|true_\w+|up)\(", self.formula)
        return ", ".join(views) or ("sagittal" if sagittal else "space")


@dataclass(frozen=True)
class DerivedPoint:
    """A point that stands for a landmark which is not there.

    Attributes
    ----------
    name, formula : the point
    condition : formula of a length that must be at most `at_most`, empty for none
    at_most : millimetres
    reason : why the point is not there otherwise
    """

    name: str
    formula: str
    condition: str = ""
    at_most: float = float("inf")
    reason: str = ""


@dataclass(frozen=True)
class LineDefinition:
    """A line that an analysis draws: from `start` to `end`, or through `start` along `direction` of the head.

    Attributes
    ----------
    name : of the line
    start, end : formulas of points; `end` is empty for a line with a direction
    direction : "true_up" or "true_forward"
    beyond : how far it goes on beyond its ends, millimetres; with a direction half its length
    """

    name: str
    start: str
    end: str = ""
    direction: str = ""
    beyond: float = 10.0


@dataclass(frozen=True)
class Analysis:
    """A named set of measurements and the lines it draws."""

    name: str
    title: str
    about: str
    reference: str
    measurements: tuple[str, ...]
    lines: tuple[LineDefinition, ...] = ()


@dataclass(frozen=True)
class Definitions:
    """Measurements, derived points and analyses by name.

    Examples
    --------
    >>> Definitions.load()["nose_width"].formula
    'distance(al_r, al_l)'
    """

    measurements: Mapping[str, Measurement]
    points: Mapping[str, DerivedPoint]
    analyses: Mapping[str, Analysis]

    @classmethod
    def load(cls, *files: str | os.PathLike[str]) -> Definitions:
        """The package's own definitions, and those of further JSON files, which replace entries of the same name.

        A file has one or more of the keys ``measurements``, ``points`` and ``analyses``, lists of objects with the
        fields of :class:`Measurement`, :class:`DerivedPoint` and :class:`Analysis`.

        Raises
        ------
        FileNotFoundError
            A file does not exist.
        FileFormatError
            A file is no JSON, or an entry is wrong; says which and why.
        """
        found = _shipped()
        for file in files:
            found = found.extended(_read(Path(file)), str(file))
        return found

    def __getitem__(self, name: str) -> Measurement:
        if name not in self.measurements:
            raise SettingsError(f"no measurement {name!r}{_similar(name, self.measurements)}")
        return self.measurements[name]

    def extended(self, content: Any, where: str) -> Definitions:
        """With the entries of one file."""
        if not isinstance(content, dict) or not set(content) & {"measurements", "points", "analyses"}:
            raise FileFormatError(f"{where}: an object with the key 'measurements', 'points' or 'analyses' is needed")
        limits = {**_LIMITS, **content.get("limits", {})}
        points = {**self.points, **{each.name: each for each in _points(content.get("points", []), where)}}
        measurements = dict(self.measurements)
        for entry in content.get("measurements", []):
            for each in _measurements(entry, limits, where):
                measurements[each.name] = each
        analyses = dict(self.analyses)
        for entry in content.get("analyses", []):
            analysis = _analysis(entry, measurements, where)
            analyses[analysis.name] = analysis
        return Definitions(measurements, points, analyses)

    def chosen(self, names: Iterable[str] | None = None) -> tuple[Measurement, ...]:
        """The measurements of some analyses, groups, or names of measurements; all without names.

        Raises
        ------
        SettingsError
            A name is none of these.
        """
        if names is None:
            return tuple(self.measurements.values())
        chosen: dict[str, Measurement] = {}
        groups = {each.group for each in self.measurements.values()}
        for name in names:
            if name in self.analyses:
                wanted = [self.measurements[each] for each in self.analyses[name].measurements]
            elif name in groups:
                wanted = [each for each in self.measurements.values() if each.group == name]
            else:
                wanted = [self.measurements[each] for each in _expanded(name, self.measurements)]
            if not wanted:
                known = (*self.analyses, *sorted(groups))
                raise SettingsError(f"no analysis {name!r}{_similar(name, known)}; there are {', '.join(known)}")
            chosen.update({each.name: each for each in wanted})
        return tuple(chosen.values())


_LIMITS = {"mm": 5.0, "deg": 10.0, "%": 15.0, "ratio": 0.15}
_REQUIRED = ("name", "title", "group", "unit", "definition")


def _measurements(entry: Any, limits: Mapping[str, float], where: str) -> list[Measurement]:
    if not isinstance(entry, dict):
        raise FileFormatError(f"{where}: a measurement is an object with {', '.join(_REQUIRED)} and formula")
    name = entry.get("name", "")
    if lacking := [key for key in _REQUIRED if not isinstance(entry.get(key), str) or not entry[key]]:
        raise FileFormatError(f"{where}: the measurement {name!r} lacks {', '.join(lacking)}")
    known = {*_REQUIRED, "formula", "reference", "reason", "limit", "method"}
    if unknown := set(entry) - known:
        raise FileFormatError(f"{where}: the measurement {name!r} has an unknown field {sorted(unknown)[0]!r}")
    if not _NAME.match(name):
        raise FileFormatError(f"{where}: a name has small letters, digits and _ only; received {name!r}")
    if entry["unit"] not in UNITS:
        raise FileFormatError(f"{where}: {name} has the unit {entry['unit']!r}; use one of {', '.join(UNITS)}")
    if bool(entry.get("formula")) == bool(entry.get("reason")):
        raise FileFormatError(f"{where}: {name} needs a formula, or a reason why it cannot be measured")
    try:
        formula = entry.get("formula", "")
        if formula and parse_formula(formula).kind != "number":
            raise SettingsError(f"the formula {formula!r} gives a point, not a number")
        whole = Measurement(**{"formula": "", "limit": float(limits[entry["unit"]]), **entry})
    except (SettingsError, TypeError, ValueError) as error:
        raise FileFormatError(f"{where}: {name}: {error}") from error
    if whole.formula and whole.parsed is not None and "surface" in whole.parsed.needs:
        whole = replace(whole, method=entry.get("method", "surface"))
    if not is_paired(whole.formula):
        return [whole]
    return [
        replace(whole, name=f"{name}_{side}", title=f"{whole.title}, {word}", formula=for_side(whole.formula, side))
        for side, word in SIDE_NAMES.items()
    ]


def _points(entries: Sequence[Any], where: str) -> list[DerivedPoint]:
    points = []
    for entry in entries:
        try:
            point = DerivedPoint(**entry)
            if parse_formula(point.formula).kind != "point":
                raise SettingsError(f"the formula {point.formula!r} gives a number, not a point")
            if point.condition:
                parse_formula(point.condition)
        except (SettingsError, TypeError) as error:
            raise FileFormatError(f"{where}: the point {entry!r} is wrong: {error}") from error
        points.append(point)
    return points


def _analysis(entry: Any, measurements: Mapping[str, Measurement], where: str) -> Analysis:
    try:
        lines = tuple(LineDefinition(**line) for line in entry.get("lines", []))
        analysis = Analysis(**{"about": "", "reference": "", **entry, "lines": lines})
        for line in lines:
            for text in filter(None, (line.start, line.end)):
                if parse_formula(text).kind != "point":
                    raise SettingsError(f"the line {line.name!r} needs points; received {text!r}")
    except (SettingsError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{where}: the analysis {entry!r} is wrong: {error}") from error
    names = []
    for name in analysis.measurements:
        found = _expanded(name, measurements)
        if not found:
            raise FileFormatError(
                f"{where}: the analysis {analysis.name!r} lists {name!r}, which is no measurement"
                f"{_similar(name, measurements)}"
            )
        names += found
    return replace(analysis, measurements=tuple(names))


def _expanded(name: str, measurements: Mapping[str, Measurement]) -> list[str]:
    """The measurement of this name, or those of either side."""
    return [each for each in (name, f"{name}_r", f"{name}_l") if each in measurements]


def _similar(name: str, known: Iterable[str]) -> str:
    similar = get_close_matches(name, list(known), n=3)
    return f"; similar: {', '.join(similar)}" if similar else ""


def _read(file: Path) -> Any:
    if not file.exists():
        raise FileNotFoundError(f"no such file: {file}; check the path")
    if file.stat().st_size > _LARGEST:
        raise FileFormatError(f"{file} is too large for definitions")
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{file} is not JSON: {error}") from error


@cache
def _shipped() -> Definitions:
    folder = resources.files("sgcn_core") / "resources" / "analysis"
    found = Definitions({}, {}, {})
    for name in ("measurements.json", "analyses.json"):
        found = found.extended(json.loads((folder / name).read_text(encoding="utf-8")), name)
    return found
