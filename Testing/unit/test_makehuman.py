"""MakeHuman's files, subdivision and people: on generated meshes, and on the real data where it is present."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from population_checks import check_human_distances, check_root_of_the_nose, distance, place

from research.synthesis.makehuman import MakeHuman
from research.synthesis.makehuman_files import read_base, read_target, target_files
from research.synthesis.makehuman_weights import ADULTHOOD, CHILDHOOD, TargetWeights, draw_units
from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions
from research.synthesis.subdivision import catmull_clark, triangles

CUBE = np.array([[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]])
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], float)
PLAIN = ShapeOptions(identity=0.0, asymmetry=0.0, build=0.0, warp=0.0, expressive=0.0, blink=0.0)


def seeded(seed: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed))


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.divmod(np.arange(size * size), size)
    ids = np.arange(size * size).reshape(size, size)
    quads = np.stack([ids[:-1, :-1], ids[:-1, 1:], ids[1:, 1:], ids[1:, :-1]], -1).reshape(-1, 4)
    return np.stack([x, y, 0 * x], 1).astype(float), quads


def test_cube_becomes_the_known_shape() -> None:
    matrix, quads = catmull_clark(8, CUBE)
    points = matrix @ CORNERS
    assert points.shape == (26, 3) and quads.shape == (24, 4)
    assert np.allclose(matrix.sum(1), 1.0)
    # Corner: (Q + 2 R) / 3 of valence 3, with Q and R the means of the face points and of the midpoints around it.
    assert np.allclose(points[0], np.full(3, (1 / 3 + 2 / 6) / 3))
    assert np.allclose(np.sort(np.linalg.norm(points[20:] - 0.5, axis=1)), 0.5)


def test_flat_grid_stays_flat_and_keeps_its_inside() -> None:
    vertices, quads = grid(5)
    matrix, finer = catmull_clark(25, quads)
    points = matrix @ vertices
    assert np.allclose(points[12], vertices[12]) and np.allclose(points[:, 2], 0.0)
    sides = points[triangles(finer)]
    areas = np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0])[:, 2]
    assert (areas > 0).all()


def write_tiny(folder: Path) -> Path:
    """A plate for a head, two cubes for eyeballs and a few targets; decimetres."""
    vertices, quads = grid(9)
    blocks, parts, first = [vertices * 0.2 + [-0.8, 0.0, 0.0]], [("body", quads)], 81
    for side, shift in (("helper-l-eye", 0.4), ("helper-r-eye", -0.6)):
        blocks.append(CORNERS * 0.2 + [shift, 1.0, -0.1])
        parts.append((side, CUBE + first))
        first += 8
    lines = [f"v {x} {y} {z}" for x, y, z in np.concatenate(blocks)]
    for name, ids in parts:
        lines += [f"g {name}", *("f " + " ".join(f"{i + 1}/1" for i in quad) for quad in ids)]
    (folder / "3dobjs").mkdir()
    (folder / "3dobjs" / "base.obj").write_text("\n".join(lines), encoding="utf-8")
    for name, text in TINY_TARGETS.items():
        path = folder / "targets" / f"{name}.target.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()))
    middle, corner = [[40, 1.0]], [[30, 0.6], [31, 0.4]]
    picked = {"vertices": 289, "lowest": -1, "widest": 500, "inside": []}
    picked["landmarks"] = {"prn": middle, "ibug8": corner, "go_r": []}
    (folder / "picked.json").write_text(json.dumps(picked), encoding="utf-8")
    return folder / "picked.json"


TINY_TARGETS = {
    "macrodetails/asian-female-young": "# comment\n" + "\n".join(f"{i} 0 {0.1 * (i % 9)} 1.5" for i in range(97)),
    "nose/nose-hump-incr": "40 0 0 .05",
    "nose/nose-hump-decr": "40 0 0 -.05",
    "nose/nose-point-up": "41 0 0.0001 0",
    "expression/units/asian/mouth-open": "20 0 -.2 0",
    "head/head-trans-up": "40 0 1 0",
}


def test_reader_scales_and_groups(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    mesh = read_base(tmp_path / "3dobjs" / "base.obj")
    assert mesh.vertices.shape == (97, 3) and np.isclose(mesh.vertices[0, 0], -80.0)
    assert sorted(mesh.quads) == ["body", "helper-l-eye", "helper-r-eye"]
    moved = read_target(target_files(tmp_path / "targets")["nose/nose-hump-incr"], 97)
    assert np.allclose(moved[40], [0, 0, 5.0]) and np.count_nonzero(moved) == 1


def test_wrong_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="target"):
        target_files(tmp_path)
    (tmp_path / "empty.obj").write_text("v 0 0 0")
    with pytest.raises(ValueError, match="quads"):
        read_base(tmp_path / "empty.obj")


def test_tiny_population(tmp_path: Path) -> None:
    model = MakeHuman.load(tmp_path, picked=write_tiny(tmp_path))
    assert len(model.targets) == 4  # neither the shift of the head nor the target that moves a hundredth
    assert model.skin == 289 and model.faces.max() == len(model.neutral) - 1 and len(model.neutral) > model.skin
    assert model.known.tolist() == [True, True, False] and model.landmarks[2] == -1
    face = model.draw(ShapeOptions(), seeded(), 3)
    assert face.shape == (3, len(model.neutral), 3) and face.isfinite().all()
    # Whole-body targets do not lift the landmarks.
    assert model.targets[model.weights.average_adult() > 0][:, model.landmarks[:2]].mean(1).abs().max() < 1e-4


def test_landmark_vertex_slides_to_its_point(tmp_path: Path) -> None:
    picked = write_tiny(tmp_path)
    model = MakeHuman.load(tmp_path, picked=picked)
    plain = json.loads(picked.read_text())
    plain["landmarks"]["ibug8"] = [[30, 1.0]]
    picked.write_text(json.dumps(plain))
    before = MakeHuman.load(tmp_path, picked=picked)
    wanted = 0.6 * before.base[30] + 0.4 * before.base[31]
    slid = model.base - model.base[40] + before.base[40]
    assert torch.allclose(slid[30], wanted, atol=1e-3) and torch.allclose(slid[31], before.base[31], atol=1e-3)


def test_other_mesh_is_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    with pytest.raises(ValueError, match="hm08"):
        MakeHuman.load(tmp_path, picked=other_mesh(tmp_path))


def other_mesh(folder: Path) -> Path:
    picked = json.loads((folder / "picked.json").read_text())
    (folder / "other.json").write_text(json.dumps({**picked, "vertices": 1}))
    return folder / "other.json"


def test_opposed_targets_exclude_each_other_and_macros_multiply() -> None:
    names = (
        "macrodetails/asian-female-old",
        "macrodetails/asian-male-old",
        "nose/nose-hump-decr",
        "nose/nose-hump-incr",
    )
    weights = TargetWeights(names, torch.tensor([9.0, 9.0, 5.0, 80.0])).draw(ShapeOptions(), seeded(), 4000)
    assert (weights >= 0).all() and (weights <= 1).all()
    assert (weights[:, 2:].prod(1) == 0).all() and (weights[:, 2:].amax(0) > 0).all()
    assert torch.isclose(weights[:, 3].max(), torch.tensor(0.1))  # 8 mm of 80
    assert (weights[:, :2].sum(1) <= 1).all()


def test_ages_of_adults_and_of_children_do_not_meet() -> None:
    names = tuple(f"macrodetails/asian-female-{age}" for age in ("baby", "child", "young", "old"))
    drawn = {}
    for ages in (ADULTHOOD, CHILDHOOD):
        weights = TargetWeights(names, torch.ones(4))
        weights.ages = ages
        drawn[ages] = weights.draw(ShapeOptions(), seeded(), 500)
    assert drawn[ADULTHOOD][:, :2].max() == 0.0 and drawn[ADULTHOOD][:, 2:].amax(0).min() > 0.5
    assert drawn[CHILDHOOD][:, 3].max() == 0.0 and drawn[CHILDHOOD][:, 2].max() < 0.25


def test_sides_differ_only_by_asymmetry() -> None:
    names = ("ears/l-ear-lobe-incr", "ears/r-ear-lobe-incr")
    weights = TargetWeights(names, torch.ones(2))
    same = weights.draw(ShapeOptions(asymmetry=0.0), seeded(), 200)
    assert torch.equal(same[:, 0], same[:, 1]) and same.max() > 0
    skewed = weights.draw(ShapeOptions(), seeded(), 200)
    assert not torch.equal(skewed[:, 0], skewed[:, 1])


def test_units_obey_the_options() -> None:
    names = (
        "eye-left-closure",
        "eye-left-slit",
        "eye-right-closure",
        "mouth-open",
        "mouth-pursing",
        "mouth-retraction",
    )
    still = draw_units(names, PLAIN, seeded(), 100)
    assert (still == 0).all()
    blinking = draw_units(names, ShapeOptions(expressive=0.0, blink=1.0), seeded(), 100)
    assert (blinking[:, 0] >= 0.3).all() and torch.equal(blinking[:, 0], blinking[:, 2])
    lively = draw_units(names, ShapeOptions(expressive=1.0), seeded(), 2000)
    assert lively[:, 4:].sum(1).max() <= 0.9001 and lively.max() <= 1


@pytest.fixture(scope="module")
def people(shared_data: Path) -> MakeHuman:
    return MakeHuman.load(shared_data / "makehuman")


def test_landmarks_are_symmetric(people: MakeHuman) -> None:
    flip = torch.tensor([-1.0, 1.0, 1.0])
    missing = {label for label, known in zip(people.labels, people.known.tolist(), strict=True) if not known}
    contour = {f"ibug{i}" for i in (*range(6), *range(11, 17))}
    assert len(people.labels) == 130 and missing == contour | {"ibug60", "ibug64", "go_r", "go_l"}
    sides = [(label, label[:-1] + "l") for label in people.labels if label.endswith("_r") and label not in missing]
    sides += [(f"ibug{i}", f"ibug{16 - i}") for i in (6, 7)] + [(f"ibug{17 + i}", f"ibug{26 - i}") for i in range(5)]
    for right, left in sides:
        mirrored = place(people, people.neutral, right) * flip
        assert torch.allclose(mirrored, place(people, people.neutral, left), atol=0.05), right
        assert place(people, people.neutral, right)[0] < 0
    for label in ("g", "n", "se", "prn", "sn", "ls", "li", "pg", "me", "ibug8", "ibug27"):
        assert place(people, people.neutral, label)[0].abs() < 0.01, label


def test_average_adult_has_human_distances(people: MakeHuman, shared_data: Path) -> None:
    check_human_distances(people, shared_data)


def test_base_of_the_nasal_root(people: MakeHuman) -> None:
    check_root_of_the_nose(people)


def test_lips_and_lids_are_in_order(people: MakeHuman) -> None:
    down = ["g", "n", "se", "mnd", "prn", "c", "sn", "spl", "ls", "sts", "sti", "li", "sl", "pg", "gn", "me"]
    heights = torch.stack([place(people, people.neutral, label)[1] for label in down])
    assert (heights.diff() < 0).all()
    assert distance(people, people.neutral, "ps_r", "pi_r") > 6


def test_draw_is_a_function_of_the_seed(people: MakeHuman) -> None:
    first, again, other = (people.draw(ShapeOptions(), seeded(seed), 2) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == (2, *people.neutral.shape) and first.isfinite().all()


def test_babies_are_small_with_a_short_nose(people: MakeHuman) -> None:
    weights = people.weights
    table = weights._table(1)
    weights._fill(table, ("african", "female", "baby", "averagemuscle", "averageweight"), torch.ones(1, 5))
    baby = people.base + torch.einsum("t,tvd->vd", weights._products(table)[0], people.targets)
    adult = people.neutral
    assert distance(people, baby, "n", "gn") < 0.75 * distance(people, adult, "n", "gn")
    ratio = [distance(people, face, "n", "sn") / distance(people, face, "ex_l", "ex_r") for face in (baby, adult)]
    assert ratio[0] < 0.9 * ratio[1]


def test_children_are_smaller_than_people_of_all_ages(people: MakeHuman) -> None:
    young = people.children()
    faces = young.draw(PLAIN, seeded(3), 24)
    adult = 1.07 * distance(people, people.neutral, "n", "gn")
    lengths = distance(young, faces, "n", "gn")
    assert lengths.max() < adult and lengths.min() < 0.75 * adult
    assert people.weights.ages is None and young.weights.ages is not None


def test_expressions_move_the_mouth_not_the_ears(people: MakeHuman) -> None:
    calm = people.draw(PLAIN, seeded(5), 16)
    table = people.weights._table(1)
    people.weights._fill(table, ("caucasian", "mouth-open"), torch.ones(1, 2))
    opened = torch.einsum("t,tvd->vd", people.weights._products(table)[0], people.targets)
    assert place(people, opened, "li")[1] < -15
    for label in ("sa_r", "pa_l", "obs_r", "sba_l"):
        assert place(people, opened, label).norm() < 0.5
    assert distance(people, calm, "ps_r", "pi_r").min() > 3  # lids stay open without blink
    blinking = people.draw(replace(PLAIN, blink=1.0), seeded(5), 16)
    assert (distance(people, blinking, "ps_r", "pi_r") < distance(people, calm, "ps_r", "pi_r")).all()
