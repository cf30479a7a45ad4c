"""Age and pathology: what moves, what stays, which landmarks a cleft takes away."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_face_model import ellipsoid, tiny_face_model

from research.synthesis.anatomy import Anatomy, AnatomyOptions
from research.synthesis.face_model import FaceModel
from research.synthesis.landmark_fields import LandmarkFields
from research.synthesis.random_tensors import Draw

NOTHING = AnatomyOptions(
    child=0, old=0, deficiency=0, mandible=0, orbit=0, nose=0, cleft=0, swelling=0, palsy=0
)  # fmt: skip
# Where an ellipsoid carries the landmarks that the tests need, as x and y in millimetres; z by its surface.
PLACES = {"n": (0, 44), "prn": (0, 1), "mnd": (0, 18), "c": (0, -7), "sn": (0, -12), "gn": (0, -76), "me": (0, -85)}
PLACES |= {"pg": (0, -61), "sl": (0, -53), "ls": (0, -25), "sts": (0, -33), "sti": (0, -35), "li": (0, -44)}
PAIRS = {"en": (18, 32), "ex": (44, 34), "ps": (33, 40), "pi": (33, 30), "al": (18, -2), "sbal": (10, -13)}
PAIRS |= {"cph": (7, -24), "ch": (25, -35), "chk": (44, 5), "zy": (74, 22), "go": (55, -53), "t": (80, 14)}
PAIRS |= {"ac": (18, -8), "mf": (9, 38), "scm": (18, 60), "scl": (45, 61)}
JAW = {3: (67, -40), 4: (62, -53), 5: (54, -64), 6: (42, -73), 7: (22, -82)}  # contour points of the 68


def simple_head() -> SimpleNamespace:
    """An ellipsoid with clinical landmarks: all that ``Anatomy`` asks of a population."""
    vertices, faces = ellipsoid(80, 120)
    wanted = {**PLACES, **{f"{label}_l": place for label, place in PAIRS.items()}}
    wanted |= {f"ibug{16 - k}": place for k, place in JAW.items()}
    wanted |= {f"ibug{k}": (-x, y) for k, (x, y) in JAW.items()}
    wanted |= {f"{label}_r": (-x, y) for label, (x, y) in PAIRS.items()}
    front = vertices[:, 2] > 31.0
    away = [np.hypot(*(vertices[:, :2] - place).T) + 1e3 * ~front for place in wanted.values()]
    return SimpleNamespace(
        neutral=torch.from_numpy(vertices).float(),
        faces=torch.from_numpy(faces),
        skin=len(vertices),
        labels=tuple(wanted),
        landmarks=torch.tensor([int(distance.argmin()) for distance in away]),
        device=torch.device("cpu"),
    )


@pytest.fixture(scope="module")
def head() -> SimpleNamespace:
    return simple_head()


@pytest.fixture(scope="module")
def anatomy(head: SimpleNamespace) -> Anatomy:
    return Anatomy(head)


def moves(anatomy: Anatomy, head: SimpleNamespace, **strengths: float) -> dict[str, torch.Tensor]:
    """Displacement (3,) of each landmark."""
    given = {name: torch.tensor([strength]) for name, strength in strengths.items()}
    warped = anatomy.warped(head.neutral[None], given)[0]
    return dict(zip(head.labels, (warped - head.neutral)[head.landmarks], strict=True))


def test_a_field_moves_its_landmarks_and_keeps_the_others(head: SimpleNamespace) -> None:
    field = LandmarkFields.of(head).spread({"ch": (5.0, 0.0, 2.0)}, reach=40.0)
    assert field is not None
    places = dict(zip(head.labels, field[head.landmarks], strict=True))
    torch.testing.assert_close(places["ch_l"], torch.tensor([5.0, 0.0, 2.0]), atol=0.3, rtol=0.0)
    torch.testing.assert_close(places["ch_r"], torch.tensor([-5.0, 0.0, 2.0]), atol=0.3, rtol=0.0)
    assert max(float(move.norm()) for label, move in places.items() if not label.startswith("ch_")) < 0.5
    assert field[head.neutral[:, 2] < 0.0].abs().max() < 1e-6


def test_a_field_without_half_of_its_landmarks_is_left_out(head: SimpleNamespace) -> None:
    fields = LandmarkFields.of(head)
    assert fields.spread({"ch": (1.0, 0, 0), "sa": (1.0, 0, 0), "pa": (1.0, 0, 0)}, reach=40.0) is None
    assert fields.bump(("sa_l",), (0.0, 0.0, 1.0), deviation=9.0) is None


def test_nothing_is_drawn_where_every_share_is_zero(head: SimpleNamespace) -> None:
    vertices = head.neutral.expand(4, -1, -1)
    warped, exists = Anatomy(head, NOTHING).apply(vertices, Draw(torch.Generator().manual_seed(0)))
    assert torch.equal(warped, vertices) and exists.all() and exists.shape == (4, len(head.labels))


def test_a_population_without_clinical_landmarks_is_left_as_it_is() -> None:
    model = tiny_face_model()
    vertices = model.neutral.expand(2, -1, -1)
    warped, exists = Anatomy(model).apply(vertices, Draw(torch.Generator().manual_seed(0)))
    assert torch.equal(warped, vertices) and exists.all()


def test_draws_depend_on_the_seed_alone(head: SimpleNamespace, anatomy: Anatomy) -> None:
    vertices = head.neutral.expand(64, -1, -1)
    first, again, other = (anatomy.apply(vertices, Draw(torch.Generator().manual_seed(s)))[0] for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    changed = (first - vertices).abs().amax((1, 2)) > 0
    assert 10 < int(changed.sum()) < 60


def test_strengths_stay_within_what_the_options_say(anatomy: Anatomy) -> None:
    drawn = anatomy.strengths(Draw(torch.Generator().manual_seed(0)), 4000)
    largest = {name: float(strength.abs().max()) for name, strength in drawn.items()}
    assert 10.0 < largest["mandible_forward"] <= 12.0 and 8.0 < largest["mandible_side"] <= 10.0
    assert 3.0 < largest["orbit"] <= 4.0 and largest["deficient_l"] <= 0.2 and largest["cheek_r"] <= 12.0
    assert not ((drawn["child"] > 0) & (drawn["old"] > 0)).any()
    assert not ((drawn["palsy_l"] > 0) & (drawn["palsy_r"] > 0)).any()
    assert float((drawn["child"] > 0).float().mean()) == pytest.approx(anatomy.options.child, abs=0.02)
    assert set(anatomy.names) <= set(drawn)


def test_the_mandible_takes_the_chin_along_and_leaves_the_upper_face(head: SimpleNamespace, anatomy: Anatomy) -> None:
    moved = moves(anatomy, head, mandible_forward=12.0)
    assert 11.0 < float(moved["pg"][2]) < 13.0
    assert 0.0 < float(moved["ls"][2]) < float(moved["li"][2]) < float(moved["pg"][2])
    assert max(float(moved[label].norm()) for label in ("n", "prn", "en_l", "ex_r", "zy_l", "t_r")) < 1.0
    assert float(moves(anatomy, head, mandible_side=10.0)["gn"][0]) > 8.0


def test_wide_orbits_move_the_eyes_apart(head: SimpleNamespace, anatomy: Anatomy) -> None:
    moved = moves(anatomy, head, orbit=4.0)
    assert float(moved["en_l"][0] - moved["en_r"][0]) == pytest.approx(8.0, abs=1.0)
    assert float(moved["prn"].norm()) < 0.3


def test_a_child_has_a_shorter_face_and_relatively_wider_eyes(head: SimpleNamespace, anatomy: Anatomy) -> None:
    moved = moves(anatomy, head, child=1.0)
    assert float((moved["gn"] - moved["n"])[1]) == pytest.approx(24.0, abs=4.0)
    assert abs(float(moved["en_l"][0] - moved["en_r"][0])) < 1.5
    assert float(moved["prn"][2]) < -4.0


@pytest.mark.parametrize(
    ("name", "strength"),
    [("deficient", 0.2), ("palsy", 1.0), ("cleft", 1.0), ("cheek", 9.0), ("jaw", 9.0), ("lid", 4.0)],
)
def test_sides_are_mirror_images(head: SimpleNamespace, anatomy: Anatomy, name: str, strength: float) -> None:
    left, right = (moves(anatomy, head, **{f"{name}_{side}": strength}) for side in "lr")
    flip = torch.tensor([-1.0, 1.0, 1.0])
    for label, move in left.items():
        if label.startswith("ibug"):
            twin = f"ibug{16 - int(label[4:])}"
        else:
            twin = label[:-2] + {"_l": "_r", "_r": "_l"}.get(label[-2:], label[-2:])
        torch.testing.assert_close(right[twin] * flip, move, atol=0.05, rtol=0.02)
    assert max(float(move.norm()) for move in left.values()) > 0.5


def test_an_open_cleft_takes_its_landmarks_away(head: SimpleNamespace, anatomy: Anatomy) -> None:
    strengths = {"cleft_l": torch.tensor([0.3, 1.0, 1.0]), "cleft_r": torch.tensor([0.0, 0.0, 1.0])}
    exists = anatomy.existing(strengths, 3)
    lost = [{label for label, there in zip(head.labels, row, strict=True) if not there} for row in exists]
    assert lost == [set(), {"cph_l"}, {"cph_l", "cph_r", "ls", "sts"}]


def test_no_warp_of_the_face_model_turns_its_skin_inside_out(shared_data: Path) -> None:
    clinical = shared_data.parent / "design" / "ict_clinical_vertices.json"
    model = FaceModel.load(shared_data / "ict" / "ict_facekit.npz", clinical)
    anatomy = Anatomy(model)
    drawn = anatomy.strengths(Draw(torch.Generator().manual_seed(0)), 2000)
    assert set(anatomy.names) == set(drawn)

    def normals(vertices: torch.Tensor) -> torch.Tensor:
        a, b, c = vertices[:, model.faces].unbind(2)
        return torch.linalg.cross(b - a, c - a)

    strongest = torch.diag(torch.stack([drawn[name].abs().max() for name in anatomy.names]))
    warped = anatomy.warped(
        model.neutral.expand(len(strongest), -1, -1), dict(zip(anatomy.names, strongest, strict=True))
    )
    cosine = torch.nn.functional.cosine_similarity(normals(warped), normals(model.neutral[None]), dim=2)
    turned = (cosine < 0).sum(1)
    assert int(turned.max()) <= 6  # a cleft's bottom, where the mesh has no opening
    moved = (warped - model.neutral).norm(dim=2).amax(1)
    assert moved.min() > 0.9 and moved.max() < 32.0
