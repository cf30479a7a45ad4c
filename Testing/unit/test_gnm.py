"""The GNM head as a population: on a generated head of its make, and on the real data where it is present."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from population_checks import check_human_distances, check_root_of_the_nose, distance, place

from research.synthesis.gnm import GnmHead
from research.synthesis.gnm_head import read_head
from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions

SIZE = 13  # of the plate that stands for a face
PLAIN = ShapeOptions(identity=0.0, asymmetry=0.0, build=0.0, warp=0.0, expressive=0.0, blink=0.0)


def seeded(seed: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed))


def plate() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.divmod(np.arange(SIZE * SIZE), SIZE)
    ids = np.arange(SIZE * SIZE).reshape(SIZE, SIZE)
    a, b, c, d = ids[:-1, :-1].ravel(), ids[:-1, 1:].ravel(), ids[1:, 1:].ravel(), ids[1:, :-1].ravel()
    vertices = np.stack([(x - SIZE // 2) * 10.0, (y - SIZE // 2) * 10.0, 0.0 * x], 1)
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def ball(centre: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Front half of an eyeball: a pole and three rings."""
    around = np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False)
    rings = [[0.0, 0.0, 12.0]]
    for polar in (0.5, 1.0, 1.5):
        rings += [[12 * np.sin(polar) * np.cos(t), 12 * np.sin(polar) * np.sin(t), 12 * np.cos(polar)] for t in around]
    step = np.arange(8)
    faces = [np.stack([0 * step, step + 1, (step + 1) % 8 + 1], 1)]
    for ring in range(2):
        inner, outer = 1 + 8 * ring + step, 9 + 8 * ring + step
        following = np.roll(inner, -1), np.roll(outer, -1)
        faces += [np.stack([inner, outer, following[1]], 1), np.stack([inner, following[1], following[0]], 1)]
    return np.array(rings) + centre, np.concatenate(faces)


def write_tiny(folder: Path) -> tuple[Path, Path]:
    """A plate for a head, two eyeballs, 200 eye expressions of which two move something, one of the lower face."""
    vertices, faces = plate()
    count = len(vertices)
    blocks, parts, groups = [vertices], [faces], {"skin_exterior": np.arange(count)}
    for name, x in (("left_eye", 30.0), ("right_eye", -30.0)):
        eye, cap = ball([x, 20.0, -12.0])
        first = sum(len(block) for block in blocks)
        groups[name] = np.arange(first, first + len(eye))
        blocks.append(eye)
        parts.append(cap + first)
    template = np.concatenate(blocks)
    groups |= {"mouth_sock": np.array([0]), "eye_sockets": np.array([1])}
    groups["skin_exterior"] = np.arange(2, count)
    expressions = np.zeros((201, len(template), 3))
    above, below = row(SIZE // 2 + 2), row(SIZE // 2 + 1)
    for mode, side in ((0, 1.0), (100, -1.0)):
        expressions[mode, above[side * vertices[above, 0] > 0], 1] = -5.0
    expressions[200, row(2), 1] = -4.0
    largest = np.maximum(np.abs(expressions).max(1), 1e-6)
    file = folder / "head.npz"
    np.savez(
        file,
        template=template.astype(np.float32),
        mean_delta=np.zeros_like(template, dtype=np.float32),
        id_modes=np.stack([np.zeros_like(template), np.tile([0.0, 0.0, 2.0], (len(template), 1))]).astype(np.float32),
        faces=np.concatenate(parts).astype(np.int32),
        expression_int8=np.round(expressions / largest[:, None] * 127).astype(np.int8),
        expression_scale=(largest / 127).astype(np.float32),
        skin_vertices=np.int32(count),
        source_index=(np.arange(len(template)) + 1000).astype(np.int32),
        group_names=np.array(list(groups)),
        group_sizes=np.array([len(members) for members in groups.values()]),
        group_members=np.concatenate(list(groups.values())).astype(np.int32),
    )
    middle = SIZE // 2 * SIZE + SIZE // 2
    left = [int(v) + 1000 for v in above if 10 <= vertices[v, 0] <= 50]
    under = [int(v) + 1000 for v in below if 10 <= vertices[v, 0] <= 50]
    picked = {
        "pitch": 0.0,
        "origin": [5.0, 80.0],
        "lids": {"upper": left[1:-1], "lower": under},
        "landmarks": {
            "prn": [[middle + 1000, 1.0]],
            "sn": [[middle - SIZE + 1000, 0.7], [middle + 1000, 0.3]],
            "go_r": [],
        },
    }
    (folder / "picked.json").write_text(json.dumps(picked), encoding="utf-8")
    return file, folder / "picked.json"


def row(number: int) -> np.ndarray:
    return np.arange(SIZE) + number * SIZE


def test_tiny_head_is_a_population(tmp_path: Path) -> None:
    file, picked = write_tiny(tmp_path)
    model = GnmHead.load(file, picked=picked)
    assert model.known.tolist() == [True, True, False] and model.landmarks[2] == -1
    # Two corners of the plate lie inside the head; of the eyeballs the caps are left, without their last ring.
    assert model.skin < SIZE * SIZE and len(model.neutral) - model.skin == 2 * 17
    assert int(model.faces.max()) == len(model.neutral) - 1
    people = model.draw(ShapeOptions(), seeded(), 3)
    assert people.shape == (3, len(model.neutral), 3) and people.isfinite().all()
    assert torch.equal(people, model.draw(ShapeOptions(), seeded(), 3))


def test_a_landmark_slides_to_its_place_with_all_that_moves(tmp_path: Path) -> None:
    file, picked = write_tiny(tmp_path)
    model = GnmHead.load(file, picked=picked)
    prn, sn = model.neutral[model.landmarks[:2]]
    assert torch.allclose(prn - sn, torch.tensor([0.0, 7.0, 0.0]), atol=1e-4)


def test_closing_brings_the_upper_lid_onto_the_lower(tmp_path: Path) -> None:
    head = read_head(*write_tiny(tmp_path))
    for side, field in enumerate(head.closing):
        moved = np.flatnonzero(np.abs(field[:, 1]) > 1.0)
        assert (np.sign(head.neutral[moved, 0]) == (1.0, -1.0)[side]).all()
        assert np.allclose(field[moved, 1], field[moved[0], 1]) and -10.5 < field[moved[0], 1] < -9.0


def test_lids_and_mouth_obey_the_options(tmp_path: Path) -> None:
    model = GnmHead.load(write_tiny(tmp_path)[0], picked=tmp_path / "picked.json")
    assert torch.allclose(model.draw(PLAIN, seeded(), 4), model.neutral.expand(4, -1, -1))
    shut = model.draw(replace(PLAIN, blink=1.0), seeded(), 50) - model.neutral
    assert (shut[..., 1].amin(1) < -2.0).all() and (shut[..., 1].amin(1) > -10.5).all()
    lively = model.draw(replace(PLAIN, expressive=1.0), seeded(), 50) - model.neutral
    assert (lively[..., 1].abs().amax(1) > 0.01).all()


def test_what_is_no_gnm_head_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", vertices=np.zeros((3, 3)))
    with pytest.raises(ValueError, match="is not a GNM head"):
        GnmHead.load(tmp_path / "other.npz")
    with pytest.raises(ValueError, match="give GNM Head v3"):
        GnmHead.load(write_tiny(tmp_path)[0])


@pytest.fixture(scope="module")
def people(shared_data: Path) -> GnmHead:
    return GnmHead.load(shared_data / "gnm" / "gnm_head.npz")


def test_landmarks_are_mirror_images(people: GnmHead) -> None:
    missing = {label for label, known in zip(people.labels, people.known.tolist(), strict=True) if not known}
    contour = {f"ibug{i}" for i in range(17)} - {"ibug8"}
    pairs = {f"{label}_{side}" for label in ("go", "ft", "chk") for side in "rl"}
    assert len(people.labels) == 130 and missing == contour | pairs
    flip = torch.tensor([-1.0, 1.0, 1.0])
    sides = [(label, label[:-1] + "l") for label in people.labels if label.endswith("_r") and label not in missing]
    sides += [(f"ibug{17 + i}", f"ibug{26 - i}") for i in range(5)] + [("ibug36", "ibug45"), ("ibug48", "ibug54")]
    for right, left in sides:
        mirrored = place(people, people.neutral, right) * flip
        # The average head is not wholly symmetric.
        assert torch.allclose(mirrored, place(people, people.neutral, left), atol=1.2), right
        assert place(people, people.neutral, right)[0] < 0
    for label in ("g", "n", "se", "prn", "sn", "ls", "li", "pg", "me", "ibug8", "ibug27"):
        assert place(people, people.neutral, label)[0].abs() < 0.3, label


def test_the_profile_is_in_order(people: GnmHead) -> None:
    down = ["g", "n", "se", "mnd", "prn", "c", "sn", "spl", "ls", "sts", "li", "sl", "pg", "gn", "ibug8", "me"]
    heights = torch.stack([place(people, people.neutral, label)[1] for label in down])
    assert (heights.diff() < 0).all()


def test_average_head_has_human_distances(people: GnmHead, shared_data: Path) -> None:
    check_human_distances(people, shared_data)


def test_base_of_the_nasal_root(people: GnmHead) -> None:
    check_root_of_the_nose(people)


def test_lids_close_and_stay_in_place(people: GnmHead) -> None:
    shut = people.neutral + people.closing.sum(0)
    for side in "rl":
        assert distance(people, people.neutral, f"ps_{side}", f"pi_{side}") > 6
        assert distance(people, shut, f"ps_{side}", f"pi_{side}") < 2.5
        assert (place(people, shut, f"ex_{side}") - place(people, people.neutral, f"ex_{side}")).norm() < 1.5
    assert (place(people, shut, "prn") - place(people, people.neutral, "prn")).norm() < 0.2
