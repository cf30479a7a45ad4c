"""How robustness is measured: what counts as success, mirrored or refused; the negatives and heads measured on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tiny_face_model import tiny_face_model

from research.criteria import Criterion, criteria_table
from research.robustness.checks import Poses, Turned, _unit_of, measure_refusal, mirrored, turned
from research.robustness.crop_kinds import KINDS, HeadCutter
from research.robustness.parts import measure_parts
from research.robustness.run import Inputs, measure
from research.synthesis.negatives import kinds, negative
from research.synthesis.signed_distances import ball, box, capsule, joined_smoothly, surface_of
from sgcn_core import LandmarkDetector
from sgcn_core.demo import demo_surface
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

LABELS = ("ex_r", "ex_l", "ch_r", "ch_l", "al_r", "al_l", "prn")
FACE = np.array([[-45, 30, 0], [45, 30, 0], [-25, -40, 5], [25, -40, 5], [-15, 0, 15], [15, 0, 15], [0, 0, 30.0]])


def result_of(positions: np.ndarray, unit: str = "mm", size: float = 1.0) -> LandmarkResult:
    info = {"stages": {"pose": 0.1}, "size_ratio": size, "notes": []}
    return LandmarkResult(LABELS, positions, np.ones(7), ("found",) * 7, unit, info=info)


class Detector:
    """Finds the landmarks by the first vertices; what it finds is changed as told."""

    def __init__(self, change: Callable[[np.ndarray], np.ndarray] = lambda found: found) -> None:
        self.change = change
        self.calls = 0

    def detect(self, surface: Surface, **_: object) -> LandmarkResult:
        self.calls += 1
        found = surface.vertices[:7]
        return result_of(found if self.calls == 1 else self.change(found))


def face() -> Surface:
    return Surface(np.concatenate([FACE, np.zeros((1, 3))]), np.array([[0, 1, 2]]), unit="mm")


def test_a_result_that_turns_with_the_scan_is_a_success() -> None:
    found = turned(Detector(), "a", "bust", face(), np.random.default_rng(0))  # type: ignore[arg-type]
    assert found.success and not found.mirrored and found.moved.max() < 1e-9 and len(found.moved) == 7


def test_a_shift_of_three_millimetres_is_none() -> None:
    shifted = Detector(lambda found: found + np.array([3.0, 0.0, 0.0]))
    found = turned(shifted, "a", "bust", face(), np.random.default_rng(0))  # type: ignore[arg-type]
    assert not found.success and found.moved == pytest.approx(3.0)


def test_exchanged_sides_are_noticed() -> None:
    swap = [1, 0, 3, 2, 5, 4, 6]
    found = turned(Detector(lambda it: it[swap]), "a", "bust", face(), np.random.default_rng(0))  # type: ignore[arg-type]
    assert found.mirrored and not found.success
    lost = FACE.copy()
    lost[:2] = np.nan
    assert not mirrored(result_of(FACE), lost)


def test_a_refusal_of_the_turned_scan_is_no_success() -> None:
    def refuse(found: np.ndarray) -> np.ndarray:
        raise FaceNotFoundError("no face")

    found = turned(Detector(refuse), "a", "bust", face(), np.random.default_rng(0))  # type: ignore[arg-type]
    assert found.refused == "no face" and not found.success


def test_the_bars_count_what_they_say() -> None:
    good = Turned("a", "bust", None, np.full(5, 0.3), seconds=0.2)
    far = Turned("b", "bust", None, np.full(5, 4.0), mirrored=True, seconds=0.4)
    criteria = Poses([good] * 98 + [far], [Turned("c.ply", "real", "no face", np.empty(0))]).criteria()
    assert [criterion.reached for criterion in criteria] == [False, False, True, True, True]
    assert "98.0 %" in criteria[0].measured and "b, c.ply" in criteria[0].measured and criteria[1].measured == "1"
    assert criteria[2].measured == "0.30 mm" and criteria[3].measured == "0.20 s" and "100.0 %" in criteria[4].measured
    assert "**not reached**" in criteria_table("t", "t", [Criterion("w", "b", "m", False)]).markdown()


@pytest.mark.parametrize(
    ("unit", "size", "factor", "expected"),
    [
        ("mm", 1.0, 1e-3, "m"),
        ("mm", 1.0, 0.1, "cm"),
        ("mm", 1.0, 1e3, "um"),
        ("m", 1.0, 0.1, None),
        ("m", 1.0, 1e3, "mm"),
        ("mm", 0.4, 0.1, "asked"),
    ],
)
def test_a_scaled_scan_is_in_the_unit_that_has_this_scale(
    unit: str, size: float, factor: float, expected: str | None
) -> None:
    assert _unit_of(result_of(FACE, unit, size), factor) == expected


def test_what_is_taken_for_a_face_is_counted_and_named() -> None:
    class Credulous:
        def detect(self, surface: Surface) -> LandmarkResult:
            if "chair" in (surface.source or ""):
                return result_of(FACE)
            raise FaceNotFoundError("no face")

    (criterion,) = measure_refusal(Credulous(), None, count=len(kinds()))  # type: ignore[arg-type]
    assert "chair 1" in criterion.measured and criterion.reached is False


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="'looks'"):
        list(measure(Inputs(None), ["looks"], lambda what, share: None))  # type: ignore[arg-type]


# What is measured on


@pytest.mark.parametrize("number", range(len(kinds())))
def test_negatives_are_closed_oriented_outwards_and_repeatable(number: int) -> None:
    shown = negative(number, seed=1)
    corners = shown.surface.vertices[shown.surface.faces] - shown.surface.vertices.mean(0)
    volume = float((np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]).sum() / 6.0)
    edges = np.sort(shown.surface.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert volume > 1e4 and 60.0 < shown.surface.extent.max() < 700.0
    assert (np.unique(edges, axis=0, return_counts=True)[1] % 2 == 0).all()
    np.testing.assert_array_equal(shown.surface.vertices, negative(number, seed=1).surface.vertices)
    assert shown.kind == kinds()[number]


def test_signed_distances() -> None:
    points = np.array([[0.0, 0, 0], [3, 0, 0], [0, 0, 7]])
    assert ball((0, 0, 0), 2.0).distance(points) == pytest.approx([-2, 1, 5])
    assert capsule((0, 0, 0), (0, 0, 5), 1.0).distance(points) == pytest.approx([-1, 2, 1])
    assert box((0, 0, 0), (1, 1, 4)).distance(points) == pytest.approx([-1, 2, 3])
    both = joined_smoothly([ball((0, 0, 0), 2.0), ball((3, 0, 0), 2.0)], 1.0)
    assert (both.distance(points) <= ball((0, 0, 0), 2.0).distance(points) + 1e-12).all()
    vertices, faces = surface_of(ball((5, 6, 7), 20.0), voxel=2.0)
    assert np.linalg.norm(vertices - (5, 6, 7), axis=1) == pytest.approx(20.0, abs=0.1) and faces.max() < len(vertices)


def test_heads_are_cut_as_their_kind_says() -> None:
    cutter = HeadCutter([tiny_face_model()], seed=2)
    heads = [cutter.head(number) for number in range(len(KINDS))]
    assert [head.kind for head in heads] == list(KINDS)
    whole, half = heads[KINDS.index("whole head")], heads[KINDS.index("half face")]
    for head in (whole, half):
        assert head.scan.to_head.rotation == pytest.approx(np.eye(3))
    across = half.scan.to_head.apply(half.surface.vertices)[:, 0]
    assert min(abs(across.min()), abs(across.max())) < 35.0 < max(abs(across.min()), abs(across.max()))
    again = HeadCutter([tiny_face_model()], seed=2).head(4)
    np.testing.assert_array_equal(again.surface.vertices, heads[4].surface.vertices)


def test_landmarks_of_parts_are_compared_with_those_that_are_left() -> None:
    """A detector that knows the truth, and calls missing what it is not shown."""
    cutter = HeadCutter([tiny_face_model()], seed=2)
    scan = cutter.head(KINDS.index("whole head")).scan
    truth = dict(scan.landmarks)

    class Knowing:
        def detect(self, surface: Surface) -> LandmarkResult:
            near = {
                label: np.linalg.norm(surface.vertices - place, axis=1).min() < 5.0 for label, place in truth.items()
            }
            status = tuple("found" if near[label] else "missing" for label in truth)
            places = np.stack([*truth.values()]) + np.array([0.0, 2.0, 0.0])
            return LandmarkResult(tuple(truth), places, np.ones(len(truth)), status)

    accepted, errors, cut = measure_parts(Knowing(), cutter, heads=1)  # type: ignore[arg-type]
    assert accepted.measured == "100 %" and errors.measured.startswith("2.00 mm") and cut.reached


def test_the_demo_face_turns_with_the_scan(detector: LandmarkDetector) -> None:
    """One real detection through the measurement."""
    found = turned(detector, "demo", "face only", demo_surface(), np.random.default_rng(3))
    assert found.success and not found.mirrored and np.median(found.moved) < 0.8
