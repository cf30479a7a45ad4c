"""Shapes of a cohort: alignment, components, references; invariances, hand-computed values, morphops as oracle."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import beta

from sgcn_core.errors import FileFormatError, LandmarkError, SettingsError
from sgcn_core.io.markups import write_landmarks
from sgcn_core.morphometrics import (
    Configurations,
    align,
    centroid_size,
    compare,
    components,
    configurations,
    find_cases,
    object_symmetry,
    read_case,
    read_reference,
    reference_of,
    without_missing,
)
from sgcn_core.morphometrics.alignment import aligned_to
from sgcn_core.morphometrics.cases import uncertain_in
from sgcn_core.morphometrics.reference import left_out_distances, percentile, reference_text
from sgcn_core.morphometrics.symmetry import partners
from sgcn_core.types.landmarks import LandmarkResult

LABELS = ("en_l", "en_r", "ex_l", "ex_r", "prn", "ch_l", "ch_r", "gn", "n")
# Left, up, out, millimetres: roughly a face; as LPS a head that looks up.
FACE = np.array(
    [
        *([19, 32, 92], [-19, 32, 92], [46, 33, 87], [-46, 33, 87], [2, 0, 130]),
        *([24, -35, 102], [-24, -35, 102], [0, -74, 104], [0, 48, 107]),
    ],
    dtype=np.float64,
)


def cohort(n: int = 12, seed: int = 0, labels: tuple[str, ...] = LABELS) -> Configurations:
    random = np.random.default_rng(seed)
    sizes = random.uniform(0.9, 1.1, n)
    shapes = sizes[:, None, None] * (FACE + random.normal(scale=2.0, size=(n, *FACE.shape)))
    turns = Rotation.random(n, random_state=seed).as_matrix()
    return Configurations(
        tuple(f"case {i}" for i in range(n)), labels, shapes @ turns.transpose(0, 2, 1) + random.normal(size=(n, 1, 3))
    )


def moved(found: Configurations, case: int, *, scale: float = 1.0, mirror: bool = False) -> Configurations:
    points = found.points.copy()
    turn = Rotation.from_rotvec([0.3, -1.2, 2.0]).as_matrix()
    points[case] = scale * (points[case] * ((-1, 1, 1) if mirror else (1, 1, 1))) @ turn.T + (100.0, -40.0, 7.0)
    return replace(found, points=points)


def test_centroid_size_by_hand() -> None:
    square = np.array([[0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]], dtype=float)
    assert centroid_size(square) == pytest.approx(np.sqrt(8.0))  # four corners, each sqrt(2) from the middle
    assert centroid_size(np.stack([square, 3 * square])) == pytest.approx(np.sqrt(8.0) * np.array([1, 3]))


@pytest.mark.parametrize("scaling", [True, False])
def test_the_result_does_not_depend_on_how_a_case_lies(scaling: bool) -> None:
    found = cohort()
    plain, turned = align(found, scaling=scaling), align(moved(found, 0), scaling=scaling)
    assert np.allclose(turned.shapes, plain.shapes, atol=1e-9) and np.allclose(turned.sizes, plain.sizes)
    first, second = components(plain), components(turned)
    assert np.allclose(first.scores, second.scores, atol=1e-8)
    bigger = align(moved(found, 0, scale=1.3), scaling=scaling)
    assert bigger.sizes[0] == pytest.approx(1.3 * plain.sizes[0])
    assert np.allclose(bigger.shapes, plain.shapes, atol=1e-9) == scaling


def test_the_order_of_the_cases_orders_the_scores_and_nothing_else() -> None:
    found, order = cohort(), np.random.default_rng(1).permutation(12)
    shuffled = Configurations(tuple(found.names[i] for i in order), found.labels, found.points[order])
    first, second = align(found), align(shuffled)
    assert np.allclose(second.shapes, first.shapes[order], atol=1e-10)
    one, other = components(first), components(second)
    assert np.allclose(other.scores, one.scores[order], atol=1e-9)
    assert np.allclose(other.vectors, one.vectors, atol=1e-8)


def test_shapes_are_upright_where_the_head_is_known_and_along_their_axes_elsewhere() -> None:
    face = align(cohort())
    left, up, out = face.mean[LABELS.index("en_l")] - face.mean[LABELS.index("en_r")]
    assert face.axes == "left, up, out" and left > 10 * abs(up) and left > 10 * abs(out)
    other = align(cohort(labels=tuple("abcdefghi")))
    spread = other.mean.T @ other.mean
    assert other.axes == "principal" and np.allclose(spread, np.diag(np.diag(spread)), atol=1e-9)
    assert spread[0, 0] > spread[1, 1] > spread[2, 2]
    assert np.allclose(np.abs(other.distances), face.distances)


def test_alignment_is_that_of_morphops() -> None:
    morphops = pytest.importorskip("morphops")
    found = cohort(20, seed=3)
    own = align(found)
    unit = found.points - found.points.mean(axis=1, keepdims=True)
    unit = unit / centroid_size(unit)[:, None, None]
    theirs = morphops.gpa(unit, tol=1e-14, max_iters=100, do_scaling=False, no_reflect=True, unitize_mean=True)
    turned = np.stack([aligned_to(own.mean, shape, scaling=True) for shape in theirs["aligned"]])
    assert np.allclose(turned, own.shapes, atol=1e-6)
    assert np.allclose(centroid_size(found.points), own.sizes)
    # Its last rotation is to the mean without the last case, which leaves its sum of squares a little larger.
    distances = np.linalg.norm((theirs["aligned"] - theirs["mean"]).reshape(20, -1), axis=1)
    assert np.allclose(distances, own.distances, atol=5e-6)
    assert 0 <= (distances**2).sum() - (own.distances**2).sum() < 1e-6


def test_components_are_those_of_the_covariance_matrix() -> None:
    found = align(cohort(30), scaling=False)
    parts = components(found)
    covariance = np.cov((found.shapes - found.mean).reshape(30, -1), rowvar=False)
    values = np.sort(np.linalg.eigvalsh(covariance))[::-1][: len(parts.variances)]
    assert np.allclose(parts.variances, values) and parts.shares.sum() == pytest.approx(1.0)
    flat = parts.vectors.reshape(len(parts.variances), -1)
    assert np.allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-10)
    assert np.allclose((parts.variances[:, None, None] * (flat[:, :, None] * flat[:, None, :])).sum(axis=0), covariance)
    assert np.allclose(parts.scores.var(axis=0, ddof=1), parts.variances)
    assert np.allclose(parts.shape_at(found.mean, 0, 2.0) - found.mean, 2 * np.sqrt(values[0]) * parts.vectors[0])


def test_scaled_shapes_vary_at_a_right_angle_to_the_mean_and_the_rotations() -> None:
    found = align(cohort(30))
    parts = components(found)
    assert len(parts.variances) == 3 * len(LABELS) - 7
    assert np.abs(np.tensordot(parts.vectors, found.mean, axes=2)).max() < 1e-9


def test_one_known_direction_of_change_is_the_first_component() -> None:
    change = np.zeros_like(FACE)
    change[LABELS.index("gn")] = (0.0, -1.0, 0.0)
    scores = np.linspace(-4, 4, 9)
    points = FACE + scores[:, None, None] * change
    parts = components(align(Configurations(tuple(map(str, range(9))), LABELS, points), scaling=False))
    assert parts.shares[0] > 0.999
    assert abs(np.corrcoef(parts.scores[:, 0], scores)[0, 1]) > 0.9999
    largest = np.argmax(np.abs(parts.vectors[0]))
    assert np.unravel_index(largest, FACE.shape) == (LABELS.index("gn"), 1) and parts.vectors[0].ravel()[largest] > 0


@pytest.mark.parametrize("n", [3, 12])
def test_a_mirrored_case_is_refused_and_never_reflected(n: int) -> None:
    with pytest.raises(LandmarkError, match="case 1 fits the other cases only when it is mirrored"):
        align(moved(cohort(n), 1, mirror=True))
    mean, mirrored = FACE - FACE.mean(axis=0), (FACE - FACE.mean(axis=0)) * (-1, 1, 1)
    assert np.linalg.norm(aligned_to(mean, mirrored, scaling=False) - mean) > 20.0


def test_what_cannot_be_aligned_is_told() -> None:
    found = cohort()
    every = np.ones(len(LABELS), bool)
    with pytest.raises(LandmarkError, match="at least 3 cases are needed, but there are 2"):
        align(found.select(np.arange(12) < 2, every))
    with pytest.raises(LandmarkError, match=r"at least 4 landmarks.*there are 3: en_l, en_r, ex_l"):
        align(found.select(np.ones(12, bool), np.arange(len(LABELS)) < 3))
    flat = found.points.copy()
    flat[4, :, 2] = 5.0
    with pytest.raises(LandmarkError, match="case 4 lie in one plane"):
        align(replace(found, points=flat))
    with pytest.raises(LandmarkError, match=r"case 7 has a centroid size of .* is its unit right"):
        align(moved(found, 7, scale=10.0))
    copied = found.points.copy()
    copied[9] = copied[2] + 40.0
    with pytest.raises(LandmarkError, match="case 2 and case 9 have the same landmarks"):
        align(replace(found, points=copied))
    grown = np.stack([scale * FACE for scale in (1.0, 1.1, 1.2)])
    with pytest.raises(LandmarkError, match="all 3 cases have the same shape"):
        components(align(Configurations(("a", "b", "c"), LABELS, grown)))


def test_missing_landmarks_are_left_out_as_asked_and_never_filled_in() -> None:
    found = cohort()
    points = found.points.copy()
    points[3, 2] = points[3, 5] = points[8, 2] = np.nan
    lacking = replace(found, points=points)
    with pytest.raises(LandmarkError) as told:
        without_missing(lacking)
    text = str(told.value)
    assert "3 of 108 positions are missing" in text and "leaves out 2 of 9 landmarks (ex_l, ch_l)" in text
    assert "leaves out 2 of 12 cases (case 3, case 8); drop-cases leaves out least" in text
    fewer, choice = without_missing(lacking, "drop-landmarks")
    assert choice.landmarks == ("ex_l", "ch_l") and fewer.points.shape == (12, 7, 3) and fewer.placed.all()
    fewer, choice = without_missing(lacking, "drop-cases")
    assert choice.cases == ("case 3", "case 8") and fewer.points.shape == (10, 9, 3)
    assert np.array_equal(fewer.points[3], found.points[4])
    with pytest.raises(SettingsError, match="drop-cases"):
        without_missing(lacking, "guess")


def test_units_and_frames_come_together_and_uncertain_landmarks_can_be_left_out() -> None:
    status = ["found"] * 8 + ["uncertain"]
    mm = LandmarkResult(LABELS, FACE, np.ones(9), status)
    cm = LandmarkResult(
        (*LABELS, "me"), np.vstack([FACE / 10, [0, 0, 0]]), np.ones(10), [*status, "missing"], unit="cm"
    )
    cases = [("a", mm), ("b", cm.in_frame("RAS"))]
    found = configurations(cases)
    assert found.labels == tuple(sorted(LABELS, key=_package_order)) and np.allclose(found.points[0], found.points[1])
    certain = configurations(cases, without_uncertain=True)
    assert [certain.labels[place] for place in np.flatnonzero(certain.lacking[0])] == ["n"]
    assert (uncertain_in(cases, found), uncertain_in(cases, certain)) == (2, 0)
    assert configurations(cases, labels=["prn", "n"], leave_out=["n"]).labels == ("prn",)
    with pytest.raises(LandmarkError, match="similar: prn"):
        configurations(cases, labels=["prm"])


def _package_order(label: str) -> int:
    from sgcn_core.types.landmark_sets import LandmarkSet

    return LandmarkSet.load("all").index(label)


def test_cases_are_found_in_files_folders_and_batches(tmp_path: Path) -> None:
    result = LandmarkResult(LABELS, FACE, np.ones(9), ["found"] * 9)
    for name in ("ward/a.mrk.json", "b.csv", "old.fcsv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_landmarks(result, tmp_path / name)
    (tmp_path / "summary.csv").write_text("case,status\n")
    (tmp_path / "readme.txt").write_text("four scans\n")
    assert [each.name for each in find_cases([tmp_path]).files] == ["b", "old", "ward/a"]
    journal = [{"settings": {}}, {"case": "ward/a"}, {"case": "b"}, {"case": "lost"}]
    (tmp_path / "batch.jsonl").write_text("".join(json.dumps(each) + "\n" for each in journal))
    for given in (tmp_path, tmp_path / "summary.csv", tmp_path / "batch.jsonl"):
        found = find_cases([given])
        assert [each.name for each in found.files] == ["b", "ward/a"] and found.without == ("lost",)
    write_landmarks(result, tmp_path / "b.json")
    with pytest.raises(FileFormatError, match="both of the case b"):
        find_cases([tmp_path])
    with pytest.raises(FileFormatError, match="holds no landmark files"):
        find_cases([_made(tmp_path / "empty")])
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_cases([tmp_path / "nowhere"])


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_table_without_unit_is_refused_unless_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,x,y,z\nprn,1,2,3\n")
    (file,) = find_cases([tmp_path / "a.csv"]).files
    with pytest.raises(FileFormatError, match="does not state its unit; give --unit"):
        read_case(file)
    assert read_case(file, unit="cm").unit == "cm"
    (tmp_path / "b.csv").write_text("name,x (in),y (in),z (in)\nprn,1,2,3\n")
    assert read_case(find_cases([tmp_path / "b.csv"]).files[0], unit="mm").unit == "in"


def symmetric_cohort(bent: float, noise: float = 2.0) -> Configurations:
    """Symmetric faces of different shape; the chin `bent` millimetres to the left in all of them."""
    found = cohort(10)
    image = [LABELS.index(label.replace("_l", "_?").replace("_r", "_l").replace("_?", "_r")) for label in LABELS]
    points = FACE + np.random.default_rng(2).normal(scale=noise, size=found.points.shape)
    points = (points + points[:, image] * (-1, 1, 1)) / 2
    points[:, LABELS.index("gn"), 0] += bent
    return replace(found, points=points)


def test_symmetry_and_asymmetry_are_told_apart() -> None:
    found = align(symmetric_cohort(0.0), scaling=False)
    sides = object_symmetry(found)
    assert np.allclose(sides.sizes, 0.0, atol=1e-6) and sides.shares[0] == pytest.approx(1.0)
    sides = object_symmetry(align(symmetric_cohort(5.0), scaling=False))
    largest = np.unravel_index(np.argmax(np.abs(sides.directional)), FACE.shape)
    assert largest == (LABELS.index("gn"), 0) and 2.5 < sides.directional[largest] < 5.0  # turned towards its image
    assert sides.shares[1] > 0.1 and sides.shares[2] < 0.01
    found = align(cohort())
    sides, image = object_symmetry(found), partners(LABELS)
    mirror = (-1.0, 1.0, 1.0)
    assert np.allclose(sides.mean[image] * mirror, sides.mean, atol=1e-9)
    assert np.allclose(sides.symmetric[:, image] * mirror, sides.symmetric, atol=1e-6)
    assert np.allclose(sides.asymmetric[:, image] * mirror, -sides.asymmetric, atol=1e-6)
    whole = ((sides.symmetric + sides.asymmetric - sides.mean) ** 2).sum()
    among = ((sides.symmetric - sides.mean) ** 2).sum()
    assert sides.shares[0] == pytest.approx(among / whole, rel=1e-6) and sum(sides.shares) == pytest.approx(1.0)
    with pytest.raises(LandmarkError, match=r"no partner.*: a, b"):
        object_symmetry(align(cohort(labels=tuple("abcdefghi"))))


def test_distances_of_a_reference_are_from_the_others() -> None:
    shapes = np.random.default_rng(5).normal(size=(130, 4, 3))
    distances, along = left_out_distances(shapes, shapes.mean(axis=0), scaled=False, used=12)
    flat = shapes.reshape(130, -1)
    for left_out in (np.arange(130) % 100 == 7, np.arange(130) % 100 == 77):  # two cases, one case
        rest = flat[~left_out]
        off = flat[left_out] - rest.mean(axis=0)
        wanted = np.sqrt(np.einsum("ij,jk,ik->i", off, np.linalg.inv(np.cov(rest, rowvar=False)), off))
        assert np.allclose(along[left_out], wanted) and np.allclose(distances[left_out], np.linalg.norm(off, axis=1))
    assert np.linalg.norm(flat - flat.mean(axis=0), axis=1).mean() < distances.mean()


def test_a_reference_is_saved_and_its_cases_read_back_as_they_are(tmp_path: Path) -> None:
    found = align(cohort(40))
    reference = reference_of(found, components(found))
    (tmp_path / "r.json").write_text(reference_text(reference))
    again = read_reference(tmp_path / "r.json")
    assert again.labels == LABELS and again.cases == 40 and np.array_equal(again.vectors, reference.vectors)
    assert not any(name in (tmp_path / "r.json").read_text() for name in found.names)
    (one, *_), refused = compare(again, cohort(40))
    assert refused == {} and one.distance == pytest.approx(found.distances[0])
    assert one.size == pytest.approx(found.sizes[0]) and one.outside < 1e-6
    assert np.allclose(one.z, components(found).scores[0] / np.sqrt(again.variances), atol=1e-4)
    for text in ("{}", "[]", (tmp_path / "r.json").read_text().replace('"cases": 40', '"cases": 41')):
        (tmp_path / "wrong.json").write_text(text)
        with pytest.raises(FileFormatError, match="cannot read the reference"):
            read_reference(tmp_path / "wrong.json")


def test_a_case_unlike_the_reference_is_far_and_one_of_its_kind_is_not() -> None:
    found = align(cohort(60))
    reference = reference_of(found, components(found))
    others = cohort(61, seed=9)
    points = others.points.copy()
    points[0, LABELS.index("gn")] += 15.0  # a landmark 26 mm away
    points[1, 3] = np.nan
    points[2] = moved(others, 2, mirror=True).points[2]
    points[3] *= 10
    done, refused = compare(reference, replace(others, points=points))
    strange, *usual = done
    assert strange.name == "case 0" and strange.percentiles["distance"][0] == 100.0
    assert strange.percentiles["distance"][1] == pytest.approx(100 * 0.025 ** (1 / 60))
    assert set(refused) == {"case 1", "case 2", "case 3"}
    assert "ex_r" in refused["case 1"] and "mirrored" in refused["case 2"] and "unit" in refused["case 3"]
    for key in ("distance", "mahalanobis", "size"):
        ranks = np.array([each.percentiles[key][0] for each in usual])
        assert 38 < ranks.mean() < 62 and 20 < ranks.std() < 38, key  # as of an even distribution: 50, 29
    with pytest.raises(LandmarkError, match="the cases lack: gn"):
        compare(reference, others.select(np.ones(61, bool), np.array([label != "gn" for label in LABELS])))
    with pytest.raises(LandmarkError, match="at least 10 cases"):
        few = align(cohort(9))
        reference_of(few, components(few))


def test_percentiles_have_their_interval() -> None:
    value, low, high = percentile(5.5, np.arange(10.0))
    assert (value, low, high) == (
        60.0,
        pytest.approx(100 * beta.ppf(0.025, 6, 5)),
        pytest.approx(100 * beta.ppf(0.975, 7, 4)),
    )
    assert percentile(-1.0, np.arange(10.0))[:2] == (0.0, 0.0)
    assert percentile(99.0, np.arange(10.0))[2] == 100.0
