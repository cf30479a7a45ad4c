"""What scanners make of eyes, lips and nostrils: on a plate with a groove, and on the face models where present."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from research.synthesis.effect_mask import EffectMask
from research.synthesis.eye_holes import EyeHoles
from research.synthesis.eyelids import eyelid_fields
from research.synthesis.gnm import GnmHead
from research.synthesis.landmark_fields import LandmarkFields
from research.synthesis.openings import Openings, Shares
from research.synthesis.random_tensors import Draw
from research.synthesis.relief import Opening, Relief, within

NONE = Shares(**{field.name: 0.0 for field in dataclasses.fields(Shares)})


def masks(count: int, seed: int = 0) -> EffectMask:
    return EffectMask(Draw(torch.Generator().manual_seed(seed)), count)


def grooved() -> tuple[Opening, torch.Tensor, torch.Tensor]:
    """A tilted plane with a groove of 4 mm: vertices (1, V, 3), landmarks (1, 4, 3) at its ends and edges."""
    y, x = torch.meshgrid(torch.linspace(-30, 30, 61), torch.linspace(-40, 40, 81), indexing="ij")
    x, y = x.flatten(), y.flatten()
    groove = 4.0 * torch.exp(-((y / 2.0) ** 2) - (x / 12.0) ** 4)
    vertices = torch.stack([x, y, 0.2 * x + 0.1 * y - groove], 1)
    landmarks = torch.tensor([[-15.0, 0, -3], [15.0, 0, 3], [0, 3.0, 0.3], [0, -3.0, -0.3]])
    near = torch.arange(len(vertices))
    opening = Opening((0, 1), (2, 3), 6.0, (0.0, 0.0, 1.0), near, torch.ones(len(near), dtype=torch.bool))
    return opening, vertices[None], landmarks[None]


def test_the_bridge_is_the_skin_without_the_groove() -> None:
    opening, vertices, landmarks = grooved()
    relief = Relief.of(opening, vertices, landmarks)
    missing = relief.bridge(torch.ones(1, 1)) - relief.height
    filled = relief.moved(vertices, opening, missing * within(relief.radius, torch.ones(1, 1)))
    off = filled[0, :, 2] - 0.2 * filled[0, :, 0] - 0.1 * filled[0, :, 1]
    assert off[relief.radius[0] < 0.6].abs().max() < 0.5
    assert torch.equal(filled[0, relief.radius[0] > 1.0], vertices[0, relief.radius[0] > 1.0])


def test_between_the_lids_is_a_lens() -> None:
    opening, vertices, landmarks = grooved()
    relief = Relief.of(opening, vertices, landmarks)
    inside = relief.between[0] > 0.5
    assert inside[(vertices[0, :, :2].norm(dim=1) < 1)].all()
    assert not inside[vertices[0, :, 1].abs() > 4].any() and not inside[vertices[0, :, 0].abs() > 17].any()


@pytest.fixture(scope="module")
def people(shared_data: Path) -> GnmHead:
    return GnmHead.load(shared_data / "gnm" / "gnm_head.npz")


@pytest.mark.parametrize("effect", [field.name for field in dataclasses.fields(Shares)])
def test_each_effect_moves_its_openings_alone(people: GnmHead, effect: str) -> None:
    heads = people.neutral.expand(3, -1, -1)
    spoiled = Openings(people, dataclasses.replace(NONE, **{effect: 1.0})).apply(heads, masks(3))
    moved = (spoiled - heads).norm(dim=2)
    assert moved.isfinite().all() and 0.3 < moved.max() < 25.0
    at = {label: people.neutral[v] for label, v in zip(people.labels, people.landmarks, strict=True) if v >= 0}
    kinds = {"lips_smeared": ("ls", "li", "ch_r", "ch_l"), "nostrils_filled": ("c", "al_r", "al_l")}
    eyes = ("ps_r", "ps_l", "en_r", "en_l", "ex_r", "ex_l")
    reach = torch.stack([at[label] for label in kinds.get(effect, (*eyes, "c", "al_r", "al_l"))])
    far = torch.cdist(people.neutral, reach).amin(1) > 22.0
    assert moved[:, far].max() < 0.3


def test_without_a_share_nothing_moves(people: GnmHead) -> None:
    heads = people.neutral.expand(2, -1, -1)
    assert torch.equal(Openings(people, NONE).apply(heads, masks(2)), heads)


def test_a_narrow_fissure_is_narrow_and_a_short_one_short(people: GnmHead) -> None:
    fields = eyelid_fields(LandmarkFields.of(people))

    def distance(vertices: torch.Tensor, first: str, last: str) -> float:
        ends = vertices[people.landmarks[[people.labels.index(first), people.labels.index(last)]]]
        return float((ends[0] - ends[1]).norm())

    for name, (first, last), shorter in (
        ("fissure_narrow", ("ps_", "pi_"), 3.0),
        ("fissure_short", ("en_", "ex_"), 4.0),
    ):
        field = fields[name]
        assert field is not None
        for side in "rl":
            ends = first + side, last + side
            change = distance(people.neutral, *ends) - distance(people.neutral + 2.0 * field, *ends)
            assert 0.6 * shorter < change < 1.3 * shorter, (name, side, change)


def test_eye_holes_take_the_fissure_and_nothing_far_from_it() -> None:
    labels = ("ex_r", "en_r", "en_l", "ex_l")
    corners = torch.tensor([[-45.0, 0, 0], [-18.0, 0, 5], [18.0, 0, 5], [45.0, 0, 0]]).expand(40, -1, -1)
    x, y = torch.meshgrid(torch.linspace(-70, 70, 71), torch.linspace(-40, 40, 41), indexing="ij")
    points = torch.stack([x.flatten(), y.flatten(), 0 * x.flatten()], 1).expand(40, -1, -1)
    holes = EyeHoles(labels, torch.ones(4, dtype=torch.bool))
    kept = holes.outside(points, corners, 1.0, masks(40))
    middle = (points[0] - torch.tensor([31.5, 0.0, 0.0])).norm(dim=1) < 3
    assert 0.5 < (~kept[:, middle]).float().mean() <= 1.0
    assert kept[:, points[0, :, 1].abs() > 22].all() and kept[:, points[0, :, 0].abs() < 5].all()
    assert holes.outside(points, corners, 0.0, masks(40)).all()
    assert EyeHoles(("g",), torch.ones(1, dtype=torch.bool)).outside(points, corners, 1.0, masks(40)).all()
