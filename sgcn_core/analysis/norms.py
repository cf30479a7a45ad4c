"""Norms: means and standard deviations of measurements in a named population, and how far a value is from them.

No norm is applied unless it is asked for. A value is compared only with a norm of the same measurement taken by the
same method: a breadth under the pressure of a caliper is not one between points of the skin.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from sgcn_core.analysis.table import MeasuredValue, MeasurementTable
from sgcn_core.errors import FileFormatError, SettingsError

SHIPPED_NORMS: tuple[str, ...] = ("ansur2",)
METHODS: tuple[str, ...] = ("landmarks", "surface", "caliper", "tape")
SEXES: tuple[str, ...] = ("male", "female", "both")
_LARGEST = 2**24


@dataclass(frozen=True)
class Norm:
    """Mean and standard deviation of one measurement in one population.

    Attributes
    ----------
    measurement : name of the measurement; without ``_r`` and ``_l`` it stands for either side
    mean, sd : in its unit
    n : number of people
    sex : "male", "female" or "both"
    population, age, source : whom was measured, and where that was published
    definition : in plain words
    method : "landmarks", "surface", "caliper" or "tape"
    """

    measurement: str
    mean: float
    sd: float
    n: int
    sex: str
    population: str
    age: str
    source: str
    definition: str
    method: str = "landmarks"

    @property
    def about(self) -> str:
        """For tables."""
        return f"{self.population}, {self.sex}, {self.age}, n = {self.n}: {self.mean:g} +- {self.sd:g} ({self.source})"

    def fits(self, value: MeasuredValue) -> bool:
        """Whether it is of the same measurement, by the same method."""
        name = value.name
        own = name in (self.measurement, f"{self.measurement}_r", f"{self.measurement}_l")
        return own and self.method == value.measurement.method


def load_norms(source: str | os.PathLike[str], *, sex: str | None = None) -> tuple[Norm, ...]:
    """Norms that come with the package, or of a JSON or CSV file with the fields of :class:`Norm`.

    Parameters
    ----------
    source : "ansur2", or a file: JSON with the key ``norms``, a list of objects; or CSV with a header
    sex : keep the norms of this sex, and those of both

    Raises
    ------
    FileNotFoundError, FileFormatError
        The file does not exist, or an entry is wrong.
    SettingsError
        Unknown sex, or no norm is of it.
    """
    if sex is not None and sex not in SEXES:
        raise SettingsError(f"unknown sex {sex!r} of the norms; use one of {', '.join(SEXES)}")
    norms = tuple(_norm(entry, str(source)) for entry in _entries(source))
    kept = tuple(norm for norm in norms if sex is None or norm.sex in (sex, "both"))
    if not kept:
        raise SettingsError(f"{source} holds no norm of sex {sex!r}")
    return kept


def with_norms(table: MeasurementTable, norms: Iterable[Norm]) -> MeasurementTable:
    """The table with the number of standard deviations from the mean where a norm fits.

    Raises
    ------
    SettingsError
        Two norms fit one measurement, such as those of men and women.
    """
    known = tuple(norms)
    return replace(table, values=tuple(_compared(value, known) for value in table.values))


def _compared(value: MeasuredValue, norms: tuple[Norm, ...]) -> MeasuredValue:
    fitting = [norm for norm in norms if norm.fits(value)]
    if value.value is None or not fitting:
        return value
    if len(fitting) > 1:
        raise SettingsError(
            f"{len(fitting)} norms fit {value.name}: {fitting[0].about}; {fitting[1].about}. Name a sex"
        )
    return replace(value, z=(value.value - fitting[0].mean) / fitting[0].sd, norm=fitting[0].about)


def _entries(source: str | os.PathLike[str]) -> list[Mapping[str, Any]]:
    if source in SHIPPED_NORMS:
        file = resources.files("sgcn_core") / "resources" / "analysis" / f"norms_{source}.json"
        shipped: list[Mapping[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["norms"]
        return shipped
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}; norms are {', '.join(SHIPPED_NORMS)}, or a .json or .csv file")
    if path.stat().st_size > _LARGEST:
        raise FileFormatError(f"{path} is too large for norms")
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() == ".csv":
        return list(csv.DictReader(io.StringIO(text)))
    try:
        entries = json.loads(text)["norms"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileFormatError(f"{path}: JSON with the key 'norms' is needed ({error})") from error
    return list(entries)


def _norm(entry: Mapping[str, Any], where: str) -> Norm:
    names = [field.name for field in fields(Norm)]
    if not isinstance(entry, Mapping) or set(entry) - set(names) or set(names) - {"method"} - set(entry):
        raise FileFormatError(f"{where}: a norm has the fields {', '.join(names)}; received {entry!r}")
    try:
        numbers = {"mean": float(entry["mean"]), "sd": float(entry["sd"]), "n": int(entry["n"])}
        norm = Norm(**{**entry, **numbers})
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{where}: the norm {entry!r} is wrong: {error}") from error
    if not norm.sd > 0 or norm.n < 1 or norm.sex not in SEXES or norm.method not in METHODS:
        raise FileFormatError(
            f"{where}: {norm.measurement}: sd and n must be positive, sex one of {', '.join(SEXES)}, "
            f"method one of {', '.join(METHODS)}"
        )
    return norm
