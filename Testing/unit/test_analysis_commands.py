"""The commands symmetry, compare and observers, on landmarks and surfaces made by hand."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_face import lps, made_case, made_surface, moved_case
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner, Result

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.cli.app import app
from sgcn_core.io.markups import write_landmarks
from sgcn_core.io.meshes import read_surface, write_surface
from sgcn_core.types.landmarks import LandmarkResult

TURN = Rotation.from_euler("z", 90, degrees=True).as_matrix()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def written(case: AnalysisCase, file: Path, unit: str = "mm") -> Path:
    """The landmarks of a case in a file, and its surface beside it as .ply."""
    factor = {"mm": 1.0, "m": 1e-3}[unit]
    placed = np.array([state != "missing" for state in case.status])
    positions = np.where(placed[:, None], case.positions * factor, np.nan)
    write_landmarks(LandmarkResult(case.labels, positions, placed.astype(float), case.status, unit=unit), file)
    if case.surface is not None:
        write_surface(case.surface, file.with_suffix(".ply"))
    return file


def test_symmetry_of_a_landmark_file(tmp_path: Path) -> None:
    file = written(made_case({"gn": (6.0, 0, 0)}, surface=made_surface(60, 90)), tmp_path / "a.csv")
    table, picture = tmp_path / "table.csv", tmp_path / "map.vtp"
    found = run("symmetry", file, "--surface", tmp_path / "a.ply", "-o", table, "--map", picture)
    assert found.exit_code == 0, found.output
    assert "above what is usual" in found.output and "positive on the subject's left" in found.output
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    chin = next(row for row in rows if row["group"] == "midline deviation" and row["name"] == "gn")
    assert float(chin["value"]) == pytest.approx(6.0, abs=1e-6) and float(chin["low"]) > 2
    assert len(read_surface(picture).vertices) == len(read_surface(tmp_path / "a.ply").vertices)
    again = run("symmetry", file, "-o", table)
    assert again.exit_code == 2 and "--overwrite" in again.output
    assert run("symmetry", file, "-o", table, "--overwrite").exit_code == 0


def test_symmetry_is_the_same_in_another_unit(tmp_path: Path) -> None:
    case = made_case({"gn": (6.0, 0, 0), "ch_l": (1, 2, 3)})
    documents = [
        json.loads(run("symmetry", written(case, tmp_path / f"{unit}.json", unit), "--json").output)
        for unit in ("mm", "m")
    ]
    for one, other in zip(*(document["symmetry"] for document in documents), strict=True):
        assert one == pytest.approx(other, abs=1e-6)
    assert documents[0]["plane"]["normal_to_the_left"] == pytest.approx([1, 0, 0], abs=1e-6)


def test_wrong_options_say_what_is_wrong(tmp_path: Path) -> None:
    file = written(made_case(), tmp_path / "a.csv")
    assert "unknown region 'noze'; similar: nose" in run("symmetry", file, "--without", "noze").output
    assert run("symmetry", file, "-o", file, "--overwrite").exit_code == 2
    assert run("symmetry", file, "-o", tmp_path / "table.txt").exit_code == 2
    assert run("symmetry", file, "--map", tmp_path / "map.stl").exit_code == 2
    missing = run("symmetry", file, "--map", tmp_path / "map.ply")
    assert missing.exit_code == 3 and "--surface" in missing.output and not (tmp_path / "map.ply").exists()
    assert run("observers", file).exit_code == 2


def test_compare_before_and_after(tmp_path: Path) -> None:
    surface = made_surface(80, 120)
    before = made_case(surface=surface)
    push = 5.0 * np.exp(-(((surface.vertices - before.position("pg")) / 14.0) ** 2).sum(axis=1))
    grown = surface.with_(vertices=surface.vertices + push[:, None] * lps(np.array([0, 0, 1.0])))
    after = moved_case(made_case({"pg": (0, 0, 5.0)}, surface=grown), TURN, np.array([5.0, 90, -7]))
    files = written(before, tmp_path / "before.csv"), written(after, tmp_path / "after.csv")
    surfaces = ("--first-surface", tmp_path / "before.ply", "--second-surface", tmp_path / "after.ply")
    table, change = tmp_path / "change.json", tmp_path / "change.ply"
    found = run("compare", *files, *surfaces, "--volume", "chin", "-o", table, "--map", change)
    assert found.exit_code == 0, found.output
    document = json.loads(table.read_text(encoding="utf-8"))
    assert document["registration"] == "surface" and document["residual_mm"] < 0.1
    moved = {row["landmark"]: row for row in document["displacements"]}
    assert (moved["pg"]["dL"], moved["pg"]["dP"]) == pytest.approx((0.0, -5.0), abs=0.1)
    assert moved["pg"]["moved"] == "yes" and moved["n"]["moved"] == "no"
    assert document["volumes"][0]["gained cm3"] > 0.5 > document["volumes"][0]["lost cm3"]
    assert document["measurements"] and all(row["significant"] in ("yes", "no") for row in document["measurements"])
    assert b"distance_mm" in change.read_bytes()


def test_observers_of_single_files_and_of_folders(tmp_path: Path) -> None:
    first, second = made_case(), made_case({"gn": (0, 0, 2.0), "prn": (0, 1.0, 0)})
    files = written(first, tmp_path / "one.csv"), written(second, tmp_path / "two.csv")
    rows = json.loads(run("observers", *files, "--json").output)["observers"]
    assert {row["landmark"]: row["distance mm"] for row in rows}["gn"] == pytest.approx(2.0)
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder, case in zip(folders, (first, second), strict=True):
        folder.mkdir()
        written(case, folder / "a.csv")
        wide = replace(case, positions=case.positions * (1.05, 1, 1))
        written(wide, folder / "b.csv")
    (folders[0] / "c.csv").write_bytes((folders[0] / "a.csv").read_bytes())
    found = run("observers", *folders, "--json")
    assert found.exit_code == 0, found.output
    document = json.loads(found.output[found.output.index("{") :])
    assert document["cases"] == ["a.csv", "b.csv"]
    chin = next(row for row in document["observers"] if row["landmark"] == "gn")
    assert chin["TEM mm"] == pytest.approx(np.sqrt(2)) and chin["bias P"] == pytest.approx(-2.0, abs=0.05)
