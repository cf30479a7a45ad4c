"""Reports: what the page says, that it needs nothing else, drawings true to scale, comparisons."""

from __future__ import annotations

import re
from dataclasses import replace

import html5lib
import numpy as np
import pytest
from report_case import LEFT, PATIENT, case, moved, result
from scipy.spatial.transform import Rotation

from sgcn_core.errors import LandmarkError, SettingsError
from sgcn_core.report.build import Report, ReportCase, ReportOptions, build_report
from sgcn_core.report.colours import diverging, nice_limit
from sgcn_core.report.contours import isolines, plane_contour
from sgcn_core.report.drawings import profile_contour
from sgcn_core.report.face import Face
from sgcn_core.report.frame import head_axes
from sgcn_core.report.index import indexed_case, write_index
from sgcn_core.report.landmarks import badness, typical_errors, verdict
from sgcn_core.report.tables import Column, Table
from sgcn_core.types.landmarks import UNCERTAIN_BY_DEFINITION

HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def report() -> Report:
    return build_report(case())


@pytest.fixture(scope="module")
def page(report: Report):
    return parsed(report.html())


def parsed(html: str):
    return html5lib.HTMLParser(strict=True).parse(html)


def texts(page) -> str:
    return " ".join("".join(element.itertext()) for element in page.iter(f"{HTML}body"))


def rows_of(report: Report, key: str) -> dict[str, dict[str, object]]:
    table = next(table for table in report.tables if table.key == key)
    names = [column.name for column in table.columns]
    return {str(row[0]): dict(zip(names, row, strict=True)) for row in table.rows}


def test_the_page_is_valid_and_needs_no_other_file(report: Report, page) -> None:
    assert page.get("lang") == "en"
    assert not list(page.iter(f"{HTML}script")) and not list(page.iter(f"{HTML}link"))[1:]
    for element in page.iter():
        for name, value in element.attrib.items():
            if name.rpartition("}")[2] in ("src", "href", "data", "action"):
                assert value.startswith(("#", "data:")), (element.tag, name, value[:60])
    style = next(page.iter(f"{HTML}style")).text
    assert "url(" not in style and "@import" not in style and "@media print" in style


def test_every_anchor_leads_somewhere(page) -> None:
    names = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(names) == len(set(names))
    links = [element.get("href") for element in page.iter(f"{HTML}a")]
    assert links and all(link[1:] in names for link in links)


def test_drawings_and_tables_are_accessible(page) -> None:
    drawings = list(page.iter(f"{SVG}svg"))
    assert len(drawings) >= 12
    for drawing in drawings:
        assert drawing.get("role") == "img" and len(drawing.get("aria-label")) > 20
        assert drawing.find(f"{SVG}title").text and drawing.find(f"{SVG}desc").text
    for table in page.iter(f"{HTML}table"):
        assert table.find(f"{HTML}caption").text
        assert all(cell.get("scope") for cell in table.iter(f"{HTML}th"))


def test_it_says_research_use_once(page) -> None:
    assert texts(page).count("Research use, not a medical device") == 1


def test_no_name_unless_asked_for(report: Report) -> None:
    html = report.html()
    assert PATIENT not in html and "Mustermann" not in html
    assert "<h1>Case 1</h1>" in html and "cd" * 32 in html
    shown = build_report(case(with_surface=False), options=ReportOptions(show_name=True)).html()
    assert f"<h1>{PATIENT}</h1>" in shown and f"{PATIENT}.ply has holes" in shown


def test_what_a_name_holds_is_no_markup() -> None:
    named = replace(result(), info={"input": {"name": "<script>alert(1)</script>", "sha256": "0"}})
    options = ReportOptions(show_name=True, title="<b>&</b>")
    html = build_report(ReportCase(result=named), options=options).html()
    assert "<script" not in html and "<b>" not in html and "&lt;b&gt;&amp;&lt;/b&gt;" in html


def test_the_same_input_gives_the_same_page(report: Report) -> None:
    assert build_report(case()).html() == report.html()


def test_loosely_defined_landmarks_are_counted_apart() -> None:
    found = result(uncertain=("go_r", "go_l"), missing=())
    errors = np.where(np.isin(found.labels, ["go_r", "go_l"]), 5.0, found.expected_error)
    loose = replace(found, expected_error=errors, info={UNCERTAIN_BY_DEFINITION: ["go_r", "go_l"]})
    total = len(found)
    assert typical_errors(loose) == (1.4, 5.0)
    assert verdict(loose) == (
        f"{total} of {total} placed, median expected error 1.4 mm; none to check, 2 are loosely defined (5.0 mm)"
    )
    assert badness(loose) == (0.0, 1.4)
    assert verdict(loose.select(["go_l"])) == "1 of 1 placed; none to check, 1 is loosely defined (5.0 mm)"
    unknown = replace(loose, expected_error=np.full(total, np.nan), error_bound=np.full(total, np.nan))
    assert (
        verdict(unknown) == f"{total} of {total} placed, expected error not known; none to check, 2 are loosely defined"
    )


def test_verdict_counts_and_names_what_to_check(page) -> None:
    found = result()
    total = len(found)
    assert verdict(found) == f"{total - 1} of {total} placed, median expected error 1.4 mm; check 1"
    assert verdict(found) in texts(page)
    check = next(table for table in page.iter(f"{HTML}table") if "check" in table.get("class"))
    named = set(re.findall(r"\w+", "".join(check.itertext())))
    assert "go_r" in named and "me" not in named and "Missing: me." in texts(page)
    unknown = replace(found, expected_error=np.array(np.nan), status=("found",) * total, positions=np.ones((total, 3)))
    assert verdict(unknown) == f"{total} of {total} placed, expected error not known; none to check"


def test_worse_cases_sort_higher() -> None:
    good, doubtful = result(uncertain=(), missing=()), result(uncertain=("go_r", "go_l"))
    blurred = replace(good, expected_error=np.full(len(good), 3.0))
    assert badness(doubtful) > badness(blurred) > badness(good)


def test_a_missing_landmark_has_no_numbers(report: Report) -> None:
    row = rows_of(report, "landmarks")["me"]
    assert row["Status"] == "missing"
    assert all(row[name] is None for name in ("x", "y", "z", "Expected error", "90 % bound", "Confidence"))
    lower = next(row for name, row in rows_of(report, "measurements").items() if name == "Lower facial third")
    assert lower["Value"] is None and lower["Status"] == "missing" and "me" in str(lower["Remark"])


def test_measurements_of_the_page_are_those_of_the_analysis(report: Report) -> None:
    found = report.measurements[0]["nose_width"]
    expected = np.linalg.norm(result().position("al_r") - result().position("al_l"))
    row = rows_of(report, "measurements")["Nose width"]
    assert row["Value"] == pytest.approx(expected) == found.value
    assert row["95 % from"] == found.low and row["to"] == found.high
    assert f"{expected:.1f}" in report.html()


def test_the_profile_is_drawn_to_scale(page) -> None:
    whole = parsed(build_report(case(), options=ReportOptions(analyses=("ricketts",))).html())
    lengths = []
    for made, scale in ((whole, 1.0), (page, 0.5)):
        drawing = next(svg for svg in made.iter(f"{SVG}svg") if "Ricketts" in svg.get("aria-label"))
        box = [float(each) for each in drawing.get("viewBox").split()]
        assert drawing.get("width") == f"{box[2]:g}mm" and drawing.get("height") == f"{box[3]:g}mm"
        assert f"Scale 1 : {1 / scale:g}" in drawing.get("aria-label")
        line = next(path for path in drawing.iter(f"{SVG}path") if path.get("stroke") == "#0072b2")
        ends = np.array([[float(x) for x in pair.split()] for pair in re.split("[ML]", line.get("d"))[1:]])
        lengths.append(np.linalg.norm(ends[1] - ends[0]) / scale)
    chin, tip = result().position("pg"), result().position("prn")
    assert lengths[0] == pytest.approx(lengths[1], abs=0.05)
    assert lengths[0] == pytest.approx(np.linalg.norm((tip - chin)[1:]) + 20, abs=0.3)  # 10 mm beyond both ends


def test_an_analysis_that_is_not_known_is_an_error() -> None:
    with pytest.raises(SettingsError, match="ricketts"):
        build_report(case(with_surface=False), options=ReportOptions(analyses=("rickets",)))


def test_landmarks_without_a_surface_have_a_report_too() -> None:
    html = build_report(case(with_surface=False)).html()
    parsed(html)
    assert "made without the surface" in html and "Nose width" in html and "data:image/png" not in html


def test_symmetry_without_its_landmarks_says_why() -> None:
    stable = ("en_r", "en_l", "ex_r", "ex_l", "t_r", "t_l")
    html = build_report(case(with_surface=False, missing=stable)).html()
    assert "Not available: the midsagittal plane needs two pairs" in html


def test_too_few_landmarks_are_an_error() -> None:
    few = result().select(["prn", "go_r"])
    with pytest.raises(LandmarkError, match="how the head is turned"):
        build_report(ReportCase(result=few))


def test_head_axes_turn_with_the_head_and_never_mirror() -> None:
    found = result(uncertain=(), missing=())
    axes = head_axes(found)
    assert np.allclose(axes, np.eye(3), atol=0.03) and np.linalg.det(axes) == pytest.approx(1.0)
    turn = Rotation.from_rotvec([0.4, -1.1, 2.0]).as_matrix()
    turned = head_axes(replace(found, positions=found.positions @ turn.T + [5.0, -3.0, 80.0]))
    assert np.allclose(turned, axes @ turn.T, atol=1e-9)
    normal = turned[0] + 0.1 * turned[1]
    upright = head_axes(replace(found, positions=found.positions @ turn.T), normal=normal)
    assert np.allclose(upright[0], normal / np.linalg.norm(normal)) and np.linalg.det(upright) == pytest.approx(1.0)


def test_the_subjects_left_is_on_the_right_of_the_front_view() -> None:
    face = Face.of_case(case().analysed)
    left = face.points[face.labels.index("ex_l")]
    right = face.points[face.labels.index("ex_r")]
    assert left[0] - right[0] == pytest.approx(2 * LEFT["ex"][0], abs=3)


def test_a_plane_cuts_a_sphere_in_a_circle() -> None:
    from test_rendering import RADIUS, ball

    from sgcn_core.types.surface import Surface

    lines = plane_contour(Surface(*ball(48, 96)), (30.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    assert len(lines) == 1
    assert np.allclose(lines[0][:, 0], 30.0)
    radii = np.hypot(lines[0][:, 1], lines[0][:, 2])
    assert radii.max() <= np.sqrt(RADIUS**2 - 900) + 1e-6 and radii.min() > np.sqrt(RADIUS**2 - 900) - 0.5
    assert plane_contour(Surface(*ball()), (500.0, 0.0, 0.0), (1.0, 0.0, 0.0)) == ()


def test_isolines_lie_where_the_value_is_and_stop_at_the_unknown() -> None:
    vertices = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [2, 2, 0], [4, 0, 0.0]])
    faces = np.array([[0, 1, 2], [1, 3, 2], [1, 4, 3]])
    (line,) = isolines(vertices, faces, vertices[:, 0], (0.5,))[0]
    assert np.allclose(line[:, 0], 0.5)
    unknown = np.where(vertices[:, 1] == 0, np.nan, vertices[:, 0])
    assert isolines(vertices, faces, unknown, (0.5,)) == ((),)


def test_the_profile_leaves_out_the_back_of_the_head() -> None:
    face = Face.of_case(case().analysed)
    contour = np.concatenate(profile_contour(face))
    chin = face.points[face.labels.index("pg")]
    assert contour[:, 0].max() == pytest.approx(face.points[face.labels.index("prn"), 2], abs=3)
    assert contour[:, 0].min() > chin[2] - 130


def test_colours_tell_sign_and_size_and_what_is_not_known() -> None:
    low, zero, high, beyond, unknown = diverging([-3, 0, 3, 30, np.nan], 3.0)
    assert low[0] > low[2] and high[2] > high[0]  # orange, purple
    assert (zero > 0.96).all() and np.array_equal(high, beyond)
    assert np.ptp(unknown) == 0 and unknown[0] < zero[0] - 0.1
    grey = diverging(np.linspace(-3, 3, 61), 3.0) @ [0.299, 0.587, 0.114]
    assert (np.diff(grey[:31]) >= 0).all() and (np.diff(grey[30:]) <= 0).all()
    assert nice_limit([0.1, -3.1, 2.0]) == 4.0 and nice_limit([np.nan]) == 2.0


def test_a_column_shows_numbers_and_nothing_for_nothing() -> None:
    column = Column(name="shift", unit="mm", decimals=1)
    assert [column.shown(cell) for cell in (-1.26, -0.04, 2, None, float("nan"))] == ["−1.3", "0.0", "2.0", "", ""]
    assert column.heading == "shift [mm]"
    with pytest.raises(ValueError, match="2 columns"):
        Table(key="t", title="t", columns=(column, column), rows=((1.0,),))


def test_a_shifted_chin_is_found_after_any_motion() -> None:
    before = case(with_surface=False, missing=(), uncertain=())
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec([0.2, 0.5, -0.3]).as_matrix()
    motion[:3, 3] = (10, -40, 7)
    after = moved(before, motion, {"pg": (12.0, 0.0, 0.0)})
    options = ReportOptions(stable=("forehead", "nasal root", "right eye", "left eye"))
    made = build_report(before, after, options)
    found = rows_of(made, "displacements")
    assert found["pg"]["Length"] == pytest.approx(12.0, abs=0.05) and found["pg"]["left"] == pytest.approx(
        12.0, abs=0.5
    )
    assert found["pg"]["Moved"] == "yes" and found["prn"]["Length"] == pytest.approx(0.0, abs=0.05)
    changes = rows_of(made, "changes")
    assert changes["Nose width"]["Difference"] == pytest.approx(0.0, abs=1e-6)
    assert changes["Nose width"]["Changed"] == "no"
    assert parsed(made.html()) is not None and "Before: " in made.html() and "After: " in made.html()


def test_two_observers_have_their_bias() -> None:
    first = case(with_surface=False, missing=(), uncertain=())
    second = moved(first, np.eye(4), {"al_l": (2.0, 0.0, 0.0)})
    made = build_report(first, second, ReportOptions(observers=True))
    found = rows_of(made, "displacements")
    assert found["al_l"]["Length"] == pytest.approx(2.0) and found["al_r"]["Length"] == pytest.approx(0.0)
    changes = [row for row in rows_of(made, "changes").values() if row["Unit"] == "mm"]
    bias = np.mean([row["Difference"] for row in changes])
    html = made.html()
    assert f"Bland-Altman plot of {len(changes)} distances: bias {bias:.2f} mm" in html
    assert "no registration" in html


def test_the_index_has_the_worst_first(tmp_path) -> None:
    made = {
        name: build_report(case(with_surface=False, **more), options=ReportOptions(title=name))
        for name, more in (
            ("good", {"uncertain": (), "missing": ()}),
            ("bad", {"uncertain": ("go_r", "go_l", "zy_l")}),
            ("fair", {"uncertain": ("go_r",), "missing": ()}),
        )
    }
    path = write_index(
        [indexed_case(report, f"{name}.html") for name, report in made.items()], tmp_path, failures=["Case 4: <lost>"]
    )
    page = parsed(path.read_text(encoding="utf-8"))
    links = [element.get("href") for element in page.iter(f"{HTML}a")]
    assert links == ["bad.html", "fair.html", "good.html"]
    assert "Case 4: <lost>" in texts(page)
