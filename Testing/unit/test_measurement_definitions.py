"""Definitions of measurements: those of the package, a user's own, and what is said of wrong ones."""

from __future__ import annotations

import math

import pytest
from constructed_face import case_of, positions

from sgcn_core.analysis import Definitions, measure
from sgcn_core.analysis.formula import parse_formula
from sgcn_core.errors import FileFormatError, SettingsError


def test_every_analysis_gives_values() -> None:
    definitions = Definitions.load()
    for name in definitions.analyses:
        table = measure(case_of(positions()), analyses=[name], horizontal=(0.0, -1.0, 0.0))
        assert len(table) == len(set(definitions.analyses[name].measurements))
        assert table.count("ok") >= len(table) / 2, name
        assert table.count("missing") == 0, name


def test_a_users_definitions(tmp_path) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text(
        '{"measurements": [{"name": "own", "title": "Own", "group": "mine", "unit": "mm",'
        ' "definition": "x", "formula": "2 * distance(en_side, prn)"}]}'
    )
    points = positions()
    table = measure(case_of(points), definitions=Definitions.load(mine), analyses=["mine"])
    assert table["own_l"].value == pytest.approx(2 * math.dist(points["en_l"], points["prn"]))
    assert table["own_r"].measurement.title == "Own, right"


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("distence(a, b)", "similar: distance"),
        ("distance(a)", "distance"),
        ("distance(a, b, c)", "distance"),
        ("distance(a, 3)", "point"),
        ("a + 1", "point"),
        ("distance(a, b", "cannot be read"),
        ("__import__('os').system('true')", "neither"),
        ("a.b", "neither"),
        ("abs(x for x in y)", "neither"),
        ("distance(*a)", "neither"),
        ("2 ** 9", "neither"),
        ("midline(a, sagittal)", "no view"),
        ("distance(sagittal, a)", "not a landmark"),
        ("distance(a, b, view=sagittal)", "no names"),
        ("True", "not a number"),
    ],
)
def test_a_wrong_formula_says_why(formula: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        parse_formula(formula)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[]", "'measurements'"),
        ("{", "not JSON"),
        ('{"measurements": [{"name": "a"}]}', "lacks title"),
        ('{"analyses": [{"name": "a", "title": "A", "measurements": ["nose_widht"]}]}', "nose_width"),
        ('{"points": [{"name": "p", "formula": "distance(a, b)"}]}', "gives a number"),
    ],
)
def test_a_wrong_definitions_file_says_why(content: str, why: str, tmp_path) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text(content)
    with pytest.raises(FileFormatError, match=why):
        Definitions.load(mine)
