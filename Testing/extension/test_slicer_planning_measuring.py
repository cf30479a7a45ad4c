"""Tables and lines of measurements on real nodes of slicer-core, against sgcn_core reading the same files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import planning_cases as cases
from FacialLandmarks3DLib.planning.computed import STALE
from FacialLandmarks3DLib.planning.session import analyses
from planning_cases import WIDTH, Pair

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.measuring import measure

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


def same(found: str, wanted: float | None) -> bool:
    return found == "" if wanted is None else abs(float(found) - wanted) <= 0.051


def test_the_analysis_needs_no_pytorch_within_slicer() -> None:
    names = ("measuring", "norms", "symmetry", "comparison", "distance_maps", "observers", "skin_target")
    code = "import sys; sys.modules['torch'] = None; " + "; ".join(
        f"import sgcn_core.analysis.{name}" for name in names
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_all_analyses_are_measured_as_sgcn_core_does(pair: Pair) -> None:
    names = [name for name, _title, _about in analyses()]
    table = pair.planning.measure(names)
    wanted = measure(AnalysisCase.from_file(cases.BEFORE), analyses=names)
    rows = cases.rows_of(table)
    assert table.GetNumberOfRows() == len(wanted) > 100 and table.GetLocked()
    for each in wanted.values:
        row = rows[each.measurement.title]
        assert same(row["value"], each.value), each.name
        assert bool(row["interval"]) == (each.low is not None)
        if each.status != "ok":
            assert each.status.split()[0] in row["status"]
    assert "z" not in rows[WIDTH]


def test_measurements_do_not_depend_on_how_the_head_lies(pair: Pair) -> None:
    tables = []
    for _turn in range(2):
        rows = cases.rows_of(pair.planning.measure(["farkas"], lines=False))
        tables.append({name: (row["value"], row["unit"], row["status"]) for name, row in rows.items()})
        cases.turned(pair.application, pair.before, pair.face)
    assert tables[0] == tables[1]


@pytest.mark.parametrize("how", ["missing", "unset"])
def test_a_landmark_without_position_leaves_cells_empty(pair: Pair, how: str) -> None:
    place = pair.before.GetControlPointIndexByLabel("ex_r")
    if how == "missing":
        pair.before.SetNthControlPointPositionMissing(place)
    else:
        pair.before.UnsetNthControlPointPosition(place)
    row = cases.rows_of(pair.planning.measure(["farkas"]))[WIDTH]
    assert (row["value"], row["unit"], row["interval"]) == ("", "", "") and row["status"] == "missing: ex_r"


def test_moving_a_landmark_updates_table_lines_and_plane_and_duplicates_nothing(pair: Pair) -> None:
    planning = pair.planning
    planning.measure(["farkas"])
    planning.fit_plane()
    before, nodes = float(cases.rows_of(planning.table)[WIDTH]["value"]), cases.classes_in(pair.application)
    plane = planning.nodes.find("midsagittal plane")
    assert plane.GetLocked() and not planning.nodes.mark()
    cases.move(pair.before, "ex_r", (5.0, 0.0, 0.0))  # in RAS the subject's right is +x
    assert {node.GetAttribute(STALE) for node in planning.nodes} == {"0"}
    assert len(planning.nodes.mark()) == len(list(planning.nodes)) and "Out of date" in planning.state()
    shifted = plane.GetCenterWorld()
    planning.update()
    assert float(cases.rows_of(planning.table)[WIDTH]["value"]) == pytest.approx(before + 5.0, abs=0.3)
    assert plane.GetCenterWorld() != shifted and not planning.nodes.mark() and "Out of date" not in planning.state()
    assert cases.classes_in(pair.application) == nodes


def test_lines_end_where_the_analysis_puts_them(pair: Pair) -> None:
    transform = cases.turned(pair.application, pair.before)
    pair.planning.measure(["ricketts"])
    (line,) = [node for node in pair.planning.nodes if node.IsA("vtkMRMLMarkupsLineNode")]
    wanted = measure(AnalysisCase.from_file(cases.BEFORE), analyses=["ricketts"]).lines[0]
    assert line.GetName() == wanted.name and line.GetLocked()
    for place, end in enumerate((wanted.start, wanted.end)):
        in_world = transform.TransformPoint(*(end * (-1, -1, 1)))
        np.testing.assert_allclose(line.GetNthControlPointPositionWorld(place), in_world, atol=1e-3)
    pair.planning.measure(["ricketts"], lines=False)
    assert not pair.planning.nodes.roles("line:")


def test_what_needs_a_horizontal_is_not_available_without_one(pair: Pair) -> None:
    without = cases.rows_of(pair.planning.measure(["arnett"]))
    with_axes = cases.rows_of(pair.planning.measure(["arnett"], horizontal="axes"))
    lacking = {name for name, row in without.items() if row["status"] == "not available"}
    assert lacking and all(without[name]["value"] == "" for name in lacking)
    assert {name for name in lacking if with_axes[name]["value"]}
    wanted = measure(AnalysisCase.from_file(cases.BEFORE), analyses=["arnett"], horizontal="axes")
    assert all(same(with_axes[each.measurement.title]["value"], each.value) for each in wanted.values)
    cases.move(pair.before, "prn", (0.0, 0.1, 0.0))
    pair.planning.update()
    assert pair.planning.chosen_horizontal() == "axes"


def test_norms_are_off_until_the_user_gives_a_file(pair: Pair, tmp_path: Path) -> None:
    pytest.importorskip("sgcn_core.analysis.norms", reason="norms are not there yet")
    rows = cases.rows_of(pair.planning.measure(["farkas"]))
    (value,) = [v for v in pair.planning.measured(["farkas"]).values if v.measurement.title == WIDTH]
    norm = {
        "measurement": value.name, "mean": value.value - 2.0, "sd": 4.0, "n": 100, "sex": "female",
        "population": "test people", "age": "adults", "source": "nobody", "definition": "ex to ex",
    }  # fmt: skip
    file = tmp_path / "norms.json"
    file.write_text(json.dumps({"norms": [norm]}))
    with_norms = cases.rows_of(pair.planning.measure(["farkas"], norms=str(file)))
    assert with_norms[WIDTH]["z"] == "+0.5" and "test people" in with_norms[WIDTH]["norm"]
    assert "z" not in rows[WIDTH] and with_norms["Nose width"]["z"] == ""
    with pytest.raises(ValueError, match="male"):
        pair.planning.measure(["farkas"], norms=str(file), sex="male")
    file.write_text("[]")
    with pytest.raises(ValueError, match=r"norms\.json"):
        pair.planning.measure(["farkas"], norms=str(file))
