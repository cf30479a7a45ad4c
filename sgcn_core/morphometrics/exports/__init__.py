"""Landmarks of a cohort in the formats of other programs, with a reader for each: what is written is read back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sgcn_core.errors import FileFormatError, LandmarkError, SettingsError
from sgcn_core.morphometrics.configurations import Configurations
from sgcn_core.morphometrics.exports.geomorph_csv import geomorph_text, parse_geomorph
from sgcn_core.morphometrics.exports.morphoj import morphoj_text, parse_morphoj
from sgcn_core.morphometrics.exports.morphologika import morphologika_text, parse_morphologika
from sgcn_core.morphometrics.exports.names import safe_names
from sgcn_core.morphometrics.exports.nts import nts_text, parse_nts
from sgcn_core.morphometrics.exports.tps import parse_tps, tps_text

__all__ = ["FORMATS", "Format", "export_text", "format_named", "read_export", "safe_names"]


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes
    ----------
    file : str
        Name of the file.
    text, parse : callable
        Writer and reader.
    holds_missing : bool
        Whether it has a code for missing landmarks.
    """

    file: str
    text: Callable[[Configurations], str]
    parse: Callable[[str], Configurations]
    holds_missing: bool


FORMATS: dict[str, Format] = {
    "tps": Format("landmarks.tps", tps_text, parse_tps, False),
    "nts": Format("landmarks.nts", nts_text, parse_nts, True),
    "morphologika": Format("landmarks-morphologika.txt", morphologika_text, parse_morphologika, False),
    "morphoj": Format("landmarks-morphoj.txt", morphoj_text, parse_morphoj, False),
    "csv": Format("landmarks-geomorph.csv", geomorph_text, parse_geomorph, True),
}


def format_named(name: str) -> Format:
    """A format by its name; SettingsError for an unknown one."""
    if name not in FORMATS:
        raise SettingsError(f"--format must be one of {', '.join(FORMATS)}; received {name!r}")
    return FORMATS[name]


def export_text(found: Configurations, name: str) -> str:
    """Configurations as the text of a file, with the names and labels of :func:`safe_names`.

    Parameters
    ----------
    found : Configurations
    name : {"tps", "nts", "morphologika", "morphoj", "csv"}

    Raises
    ------
    SettingsError
        Unknown format.
    LandmarkError
        A landmark is missing, for which the format has no code.
    """
    chosen = format_named(name)
    if not chosen.holds_missing and not found.placed.all():
        able = ", ".join(key for key, each in FORMATS.items() if each.holds_missing)
        raise LandmarkError(f"the format {name} has no code for missing landmarks; use {able}, or leave them out")
    return chosen.text(replace(found, names=safe_names(found.names), labels=safe_names(found.labels, kind="lm")))


def read_export(path: str | os.PathLike[str], name: str) -> Configurations:
    """Read a file that :func:`export_text` or another program made.

    Raises
    ------
    SettingsError
        Unknown format.
    FileFormatError
        It is not of this format.
    """
    if name not in FORMATS:
        raise SettingsError(f"the format must be one of {', '.join(FORMATS)}; received {name!r}")
    try:
        return FORMATS[name].parse(Path(path).read_text(encoding="utf-8-sig"))
    except (ValueError, IndexError) as error:
        raise FileFormatError(f"cannot read {path} as {name}: {error}") from error
