"""Evaluation: summaries, tables, plots, annotated scans, plausibility of distances."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from research.experiments import plausibility
from research.experiments.__main__ import experiments
from research.experiments.summaries import GROUPS, cumulative_curve, group_means, summary_cells
from sgcn_core.cli.app import app
from sgcn_core.demo import demo_surface
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FileFormatError
from sgcn_core.evaluation import scans
from sgcn_core.evaluation.metrics import success_rates, summarise
from sgcn_core.evaluation.tables import Table, read_titles
from sgcn_core.evaluation.truth import Truth, landmark_file, read_truth
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

runner = CliRunner()
EXPERIMENTS = typer.Typer()
EXPERIMENTS.command()(experiments)


def test_summary_by_hand() -> None:
    summary = summarise([[0.5, 1.5], [2.5, 11.5], [np.nan, 4.0]])
    assert (summary.count, summary.missing, summary.failures) == (5, 1, 1)
    assert summary.mean == pytest.approx(4.0)
    assert summary.deviation == pytest.approx(np.sqrt((3.5**2 + 2.5**2 + 1.5**2 + 7.5**2) / 5))
    assert summary.median == 2.5
    assert summary.high == pytest.approx(4.0 + 0.8 * 7.5)
    # The one that was not found counts as beyond every distance.
    assert summary.rates == pytest.approx((1 / 6, 2 / 6, 3 / 6, 4 / 6))


def test_summary_of_nothing() -> None:
    assert np.isnan(summarise([]).mean) and summarise([np.nan]).rates == (0.0,) * 4
    with pytest.raises(ValueError, match="no errors"):
        success_rates([], [1.0])


def test_cumulative_curve_counts() -> None:
    distances, shares = cumulative_curve([0.0, 1.0, 2.0, 9.0], upto=2.0, points=3)
    assert distances.tolist() == [0.0, 1.0, 2.0] and shares.tolist() == [0.25, 0.5, 0.75]


def test_groups_are_the_papers() -> None:
    assert {name: len(rows) for name, rows in GROUPS.items()} == {
        "contour": 17,
        "brows": 10,
        "nose": 9,
        "eyes": 12,
        "mouth": 20,
    }
    assert sorted(row for rows in GROUPS.values() for row in rows) == list(range(68))
    assert group_means(np.arange(68.0)[None])["contour"] == 8.0
    with pytest.raises(ValueError, match="68"):
        group_means(np.zeros((2, 5)))


def test_tables_as_markdown_and_csv(tmp_path: Path) -> None:
    table = Table("numbers", "Some numbers.", [{"what": "a|b", **summary_cells(summarise([1.0, 2.0]))}])
    table.write(tmp_path)
    with (tmp_path / "numbers.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["what"] == "a|b" and float(row["mean mm"]) == 1.5 and float(row["SDR@1 %"]) == 50.0
    assert read_titles(tmp_path) == {"numbers": "Some numbers."}
    assert "| a/b | 1.50 | 0.50 |" in table.markdown()
    assert Table("empty", "", []).markdown() == "(nothing was measured)"
    with pytest.raises(ValueError, match="different columns"):
        Table("bad", "", [{"a": 1}, {"b": 1}])


def test_plots_are_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra `evaluate`")
    from research.experiments.plots import bar_plot, line_plot

    line_plot(tmp_path / "lines.png", {"a": ([1, 2], [3, 4])}, x="x", y="y", title="t")
    bar_plot(tmp_path / "bars.png", ["p", "q"], {"a": [1.0, 2.0]}, y="y", title="t")
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in ("lines.png", "bars.png"))


def surface_of(unit: str | None = None, frame: str = "LPS") -> Surface:
    vertices = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], dtype=float)
    return Surface(vertices=vertices, faces=np.array([[0, 1, 2]]), unit=unit, frame=frame)


def test_a_table_without_frame_and_unit_is_in_the_meshs_own(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name,x,y,z\nprn,1,2,3\nsn,,,\n")
    truth = read_truth(path, surface_of("cm", "RAS"))
    assert list(truth.positions) == ["prn"] and truth.positions["prn"].tolist() == [1.0, 2.0, 3.0]
    assert truth.unit is None


def test_a_table_that_declares_its_frame_is_turned(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("label,x,y,z,unit,frame\nprn,1,2,3,m,LPS\n")
    truth = read_truth(path, surface_of("mm", "RAS"))
    assert truth.positions["prn"].tolist() == [-1.0, -2.0, 3.0] and truth.unit == "m"


def test_landmark_file_of_a_mesh(tmp_path: Path) -> None:
    mesh = tmp_path / "a.b.ply"
    assert landmark_file(mesh) is None
    (tmp_path / "a.b.mrk.json").write_text("{}")
    assert landmark_file(mesh) == tmp_path / "a.b.mrk.json"


def test_two_landmark_files_of_a_mesh_are_an_error_and_text_counts_last(tmp_path: Path) -> None:
    mesh = tmp_path / "a.ply"
    (tmp_path / "a.txt").write_text("prn 1 2 3")
    assert landmark_file(mesh) == tmp_path / "a.txt"
    (tmp_path / "a.landmarkAscii").write_text("")
    assert landmark_file(mesh) == tmp_path / "a.landmarkAscii"
    (tmp_path / "a.pp").write_text("")
    with pytest.raises(FileFormatError, match=r"a\.pp and a\.landmarkAscii"):
        landmark_file(mesh)


def test_points_of_other_programs_are_in_the_meshs_own_frame_and_unit(tmp_path: Path) -> None:
    (tmp_path / "a.pts").write_text("Version 1.0\n1\nprn 1 2 3\n")
    truth = read_truth(tmp_path / "a.pts", surface_of("cm", "RAS"))
    assert truth.positions["prn"].tolist() == [1.0, 2.0, 3.0] and truth.unit is None


def test_landmarks_far_from_the_scan_are_not_compared() -> None:
    result = LandmarkResult(("prn", "sn"), np.zeros((2, 3)), np.ones(2), ("found",) * 2, "cm")
    truth = {"prn": np.array([5.0, 5, 2.1]), "sn": np.array([5.0, 5, 0]), "gn": np.array([5.0, 5, 1])}
    one = scans.scan_errors(Detector(result), "x", surface_of(), Truth(truth))  # type: ignore[arg-type]
    assert one.off_surface == {"prn": pytest.approx(21.0)} and set(one.errors) == {"prn", "sn"}
    moved = {label: place + np.array([0, 0, 10.0]) for label, place in truth.items()}
    other = scans.scan_errors(Detector(result), "x", surface_of(), Truth(moved))  # type: ignore[arg-type]
    assert other.errors == {} and "3 of its 3 landmarks" in str(other.problem) and "median 110 mm" in str(other.problem)


class Detector:
    """Says what it is told."""

    def __init__(self, result: LandmarkResult) -> None:
        self.result = result

    def detect(self, surface: Surface, **_: object) -> LandmarkResult:
        return self.result


def test_errors_are_matched_by_label_in_millimetres() -> None:
    result = LandmarkResult(
        ("Prn", "sn", "gn"),
        np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        np.ones(3),
        ("found", "found", "missing"),
        "cm",
    )
    truth = {"prn": np.array([10.0, 0, 2]), "gn": np.zeros(3), "other": np.zeros(3)}
    found = scans.scan_errors(Detector(result), "x", surface_of(), Truth(truth, "mm"))  # type: ignore[arg-type]
    own = {"prn": np.array([1.0, 0, 0.3])}
    in_the_files = scans.scan_errors(Detector(result), "x", surface_of(), Truth(own))  # type: ignore[arg-type]
    assert in_the_files.errors["prn"] == pytest.approx(3.0)
    assert found.errors["prn"] == pytest.approx(2.0) and np.isnan(found.errors["gn"])
    assert found.unmatched == ("other",) and found.refused is None
    (row,) = scans.scans_table([found], "").rows
    assert (row["landmarks"], row["missing"], row["well defined, mean"]) == (1, 1, pytest.approx(2.0))


def test_distances_of_real_people() -> None:
    rng = np.random.default_rng(0)
    people = rng.normal(size=(23, 3, 1)) * 40.0 + rng.normal(size=(23, 3, 50))
    typical = LandmarkResult(plausibility.LABELS, people[:, :, 0], np.ones(23), ("found",) * 23)
    wide = people[:, :, 0].copy()
    wide[plausibility.LABELS.index("en_r")] += 30.0
    odd = LandmarkResult(plausibility.LABELS, wide, np.ones(23), ("found",) * 23)
    table = plausibility.plausibility_table({"typical": typical, "odd": odd}, people, "")
    assert len(table.rows) == 2 * len(plausibility.DISTANCES)
    assert {row["scan"] for row in plausibility.implausible(table)} == {"odd"}
    odd_row = plausibility.plausibility_summary(table).rows[1]
    assert odd_row["distances"] == len(plausibility.DISTANCES) and "en_r-en_l" in str(odd_row["implausible"])
    mean, deviation = plausibility.distance_statistics(people)["ch_r", "ch_l"]
    rows = [plausibility.LABELS.index(label) for label in ("ch_r", "ch_l")]
    lengths = np.linalg.norm(people[rows[0]] - people[rows[1]], axis=0)
    assert mean == pytest.approx(lengths.mean()) and deviation == pytest.approx(lengths.std(ddof=1))


def test_an_array_of_another_shape_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "people.npy", np.zeros((3, 3)))
    with pytest.raises(FileFormatError, match=r"\(23, 3, people\)"):
        plausibility.read_people(tmp_path / "people.npy")


def test_command_on_annotated_scans(tmp_path: Path) -> None:
    from sgcn_core.io.markups import write_landmarks

    surface = demo_surface()
    result = LandmarkDetector.from_pretrained().detect(surface)
    write_face(surface, tmp_path / "face.obj")
    write_landmarks(result, tmp_path / "face.mrk.json")
    (tmp_path / "broken.ply").write_text("ply\n")
    (tmp_path / "broken.pp").write_text("nothing")
    out, page = tmp_path / "out", tmp_path / "page" / "r.html"
    command = ["evaluate", str(tmp_path), "--out", str(out), "--without", "gn", "--report", str(page)]
    ended = runner.invoke(app, command)
    assert ended.exit_code == 1, ended.output  # one of the two could not be read
    assert "1.3-1.5 mm" in ended.output and "face.obj" in ended.output and "warning: broken.ply: cannot" in ended.output
    check_page(page, len(result.labels) - result.status.count("missing") - ("gn" in result.labels))
    assert runner.invoke(app, command).exit_code == 3  # the page is there
    with (out / "scans.csv").open() as file:
        broken, row, together = csv.DictReader(file)
    assert broken["landmarks"] == "0" and together["landmarks"] == row["landmarks"]
    found = sum(status != "missing" for status in result.status)
    assert int(row["landmarks"]) == found - ("gn" in result.labels) and float(row["mean mm"]) < 0.05
    assert (out / "scan_landmarks.csv").exists()


def check_page(page: Path, landmarks: int) -> None:
    """It is whole, says what could not be compared, and names neither files nor folders."""
    text = page.read_text(encoding="utf-8")
    assert f"{landmarks} landmarks on 2 scans" in text and "1 could not be compared" in text
    assert "The stated 90 % bound holds for 100 %" in text and "cannot read scan 1 as PLY" in text
    assert "<script" not in text and "://" not in text
    everything = [path.read_text(encoding="utf-8") for path in sorted(page.parent.iterdir())]
    assert len(everything) == 5
    assert not any(word in each for each in everything for word in (str(page.parents[1]), "face.obj", "broken"))
    with (page.parent / "r-errors.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == landmarks and {row["Scan"] for row in rows} == {"scan 2"}
    assert all(float(row["Error [mm]"]) < float(row["90 % bound [mm]"]) for row in rows)


def write_face(surface: Surface, path: Path) -> None:
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in surface.vertices.tolist()]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in surface.faces.tolist()]
    path.write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (app, ["evaluate"], "FOLDER"),
        (EXPERIMENTS, ["other", "--model", "a", "--out", "b"], "'other'"),
        (EXPERIMENTS, ["corruptions", "--out", "b"], "--model"),
    ],
)
def test_wrong_arguments_end_with_two(command: typer.Typer, arguments: list[str], message: str) -> None:
    ended = runner.invoke(command, arguments, env={"COLUMNS": "200"})
    assert ended.exit_code == 2
    assert message in ended.output


def test_a_folder_without_scans_is_an_error_of_one_line(tmp_path: Path) -> None:
    for folder, message in ((tmp_path / "absent", "no such folder"), (tmp_path, "holds no mesh")):
        ended = runner.invoke(app, ["evaluate", str(folder)])
        assert ended.exit_code == 3 and message in ended.output


def test_a_file_that_is_not_a_face_model_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.npz").write_text("nothing")
    (tmp_path / "clinical.json").write_text("{}")
    files = ["--model", str(tmp_path / "model.npz"), "--clinical", str(tmp_path / "clinical.json")]
    ended = runner.invoke(EXPERIMENTS, ["paper", *files, "--out", str(tmp_path / "out")])
    assert ended.exit_code == 3 and "are not a face model" in ended.output
