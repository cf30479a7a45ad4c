"""Things near a head that a scan shows as well: head rests, headphones, clothes, hands, stray scraps.

Everything is a bent sheet: an irregular disc or rectangle with the height ``-(bu u^2 + bv v^2) / 2 + lumps`` over its
tangent plane. A fingertip is a small sheet bent strongly, a scarf a long one bent around the neck.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from research.synthesis.effect_mask import EffectMask
from research.synthesis.random_tensors import Draw
from research.synthesis.surface_points import Density, SurfacePoints, even_square, rough_normals

Range = tuple[float, float]
_FLAT: Range = (0.0, 0.0)
_WAVES = 6


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """Ranges of one kind of sheet; lengths in millimetres, bends in 1/mm, convex where positive.

    option : the share in ``ObjectOptions``; odds : of this kind if the option is drawn; anchor : where on the average
    head, None for anywhere on the skin; facing : direction of the sheet's front there, None for the skin's normal;
    hides : how far behind it the skin is hidden.
    """

    option: str
    slot: int
    odds: float = 1.0
    anchor: tuple[float, float, float] | None = None
    facing: tuple[float, float, float] | None = None
    gap: Range
    half_u: Range
    half_v: Range
    bend_u: Range = _FLAT
    bend_v: Range = _FLAT
    lump: Range = _FLAT
    tilt: float = 0.15
    hides: float = 0.0


# Slots 0 and 1 are the two sides of the head, 2 the neck, 3 to 5 small pieces; a slot holds one sheet at most.
_LARGE_AREA, _SMALL_AREA = 9000.0, 2500.0
_LARGE_SLOTS, _SLOTS = 3, 6


def _both_sides(left: _Kind) -> list[_Kind]:
    """A kind of the subject's left, and its mirror image on the right."""
    assert left.anchor is not None and left.facing is not None
    (x, y, z), (u, v, w) = left.anchor, left.facing
    return [left, replace(left, slot=1, anchor=(-x, y, z), facing=(-u, v, w))]


_KINDS: tuple[_Kind, ...] = (
    # Foam pads on both sides of the head, flat or hollow, and the wings of a shell that the head lies in.
    *_both_sides(_Kind(
        slot=0, option="head_rest", odds=0.4, anchor=(84.0, 15.0, -5.0), facing=(1.0, 0.0, 0.0), gap=(1.0, 18.0),
        half_u=(25.0, 45.0), half_v=(25.0, 50.0), bend_u=(-0.006, 0.002), bend_v=(-0.004, 0.002), lump=(0.0, 1.5),
        hides=30.0,
    )),
    *_both_sides(_Kind(
        slot=0, option="head_rest", odds=0.4, anchor=(80.0, 20.0, -30.0), facing=(-0.8, 0.0, 0.6), gap=(-6.0, 12.0),
        half_u=(20.0, 40.0), half_v=(35.0, 55.0), bend_u=(-0.01, 0.0), lump=(0.0, 0.5), tilt=0.25,
    )),
    *_both_sides(_Kind(
        slot=0, option="headphones", anchor=(80.0, 12.0, 5.0), facing=(1.0, 0.0, 0.1), gap=(12.0, 30.0),
        half_u=(28.0, 42.0), half_v=(30.0, 45.0), bend_u=(0.0, 0.03), bend_v=(0.0, 0.03), lump=(0.0, 0.5), hides=45.0,
    )),
    # Scarf or turtle neck; a shirt's standing collar; a shoulder pulled up.
    _Kind(
        option="neckwear", slot=2, odds=0.5, anchor=(0.0, -105.0, 58.0), facing=(0.0, 0.1, 1.0), gap=(6.0, 40.0),
        half_u=(55.0, 85.0), half_v=(14.0, 30.0), bend_u=(0.010, 0.018), bend_v=(0.0, 0.03), lump=(1.0, 5.0),
        hides=40.0,
    ),
    *(
        _Kind(
            option="neckwear", slot=2, odds=0.25, anchor=(side * 52.0, -92.0, 25.0), facing=(side, 0.0, 0.5),
            gap=(4.0, 25.0), half_u=(30.0, 50.0), half_v=(15.0, 30.0), bend_u=(0.0, 0.015), lump=(0.0, 2.0), tilt=0.3,
            hides=40.0,
        )
        for side in (1.0, -1.0)
    ),
    *(
        _Kind(
            option="shoulder", slot=2, odds=0.5, anchor=(side * 60.0, -100.0, 30.0), facing=(side * 0.5, 1.0, 0.3),
            gap=(5.0, 35.0), half_u=(35.0, 50.0), half_v=(30.0, 45.0), bend_u=(0.005, 0.02), bend_v=(0.005, 0.02),
            lump=(0.0, 3.0), tilt=0.3,
        )
        for side in (1.0, -1.0)
    ),
    _Kind(
        option="chin_rest", slot=3, anchor=(0.0, -79.0, 92.0), facing=(0.0, -1.0, 0.25), gap=(0.5, 4.0),
        half_u=(18.0, 32.0), half_v=(14.0, 25.0), bend_u=(0.0, 0.015), bend_v=(0.0, 0.015), lump=(0.0, 0.3),
        hides=12.0,
    ),
    # Fingers on the skin.
    *(
        _Kind(
            option="hand", slot=slot, odds=odds, gap=(7.0, 11.0), half_u=(22.0, 40.0), half_v=(7.0, 9.0),
            bend_u=(0.0, 0.01), bend_v=(0.11, 0.16), tilt=0.1, hides=16.0,
        )
        for slot, odds in ((4, 1.0), (5, 0.6))
    ),
    # Pieces that float free: cloth, the holder of a target, tufts of hair.
    *(
        _Kind(
            option="islands", slot=slot, odds=odds, gap=(6.0, 35.0), half_u=(3.0, 22.0), half_v=(3.0, 12.0),
            bend_u=(-0.03, 0.06), bend_v=(-0.03, 0.12), lump=(0.0, 3.0), tilt=0.8,
        )
        for slot, odds in ((3, 1.0), (4, 0.6), (5, 0.4))
    ),
)  # fmt: skip
OBJECTS = tuple(dict.fromkeys(kind.option for kind in _KINDS))


@dataclass(frozen=True, eq=False)
class Sheets:
    """S sheets for each of B faces.

    centre, front, right, up (B, S, 3); half, bend (B, S, 2); lump (B, S, 1); exists, hides (B, S);
    frequency (B, S, 2, W), phase (B, S, 1, W) of the lumps; corner (B, S, 1), 2 for a disc and more for a rectangle.
    """

    centre: Tensor
    front: Tensor
    right: Tensor
    up: Tensor
    half: Tensor
    bend: Tensor
    lump: Tensor
    corner: Tensor
    frequency: Tensor
    phase: Tensor
    exists: Tensor
    hides: Tensor

    def _height(self, local: Tensor) -> Tensor:
        """Heights (B, S, P) at (B, S, P, 2)."""
        waves = torch.sin(local @ self.frequency + self.phase).sum(3) * (2.0 / _WAVES) ** 0.5
        return self.lump * waves - 0.5 * (self.bend[:, :, None] * local.square()).sum(3)

    def _slopes(self, local: Tensor) -> Tensor:
        """Derivatives (B, S, P, 2) of the height."""
        waves = torch.cos(local @ self.frequency + self.phase) * ((2.0 / _WAVES) ** 0.5 * self.lump)[..., None]
        return waves @ self.frequency.transpose(2, 3) - self.bend[:, :, None] * local

    def _inside(self, local: Tensor) -> Tensor:
        """Within the outline, a superellipse with a ragged edge: (B, S, P)."""
        share = (local / self.half[:, :, None]).abs()
        edge = 1.0 + 0.12 * torch.sin(local * 0.15).sum(3)
        return (share ** self.corner[..., None]).sum(3) < edge

    def of(self, faces: Tensor) -> Sheets:
        return Sheets(**{name: value[faces] for name, value in vars(self).items()})

    def samples(self, slots: slice, area: float, density: Density, draw: Draw) -> SurfacePoints:
        """Points of the sheets in ``slots``, of at most ``area`` square millimetres each."""
        some = Sheets(**{name: value[:, slots] for name, value in vars(self).items()})
        total = density.samples(area)
        box = 4.0 * some.half.prod(2)
        local = (2.0 * even_square(total, draw, *box.shape) - 1.0) * some.half[:, :, None]
        slopes = some._slopes(local)
        frame = [axis[:, :, None] for axis in (some.right, some.up, some.front)]
        along = local[..., :1] * frame[0] + local[..., 1:] * frame[1]
        points = some.centre[:, :, None] + along + some._height(local)[..., None] * frame[2]
        normals = normalize(frame[2] - slopes[..., :1] * frame[0] - slopes[..., 1:] * frame[1], dim=3)
        normals = rough_normals(normals, 0.03 * some.lump[..., None], draw)
        ranks = density.ranks(total, box.clamp(max=area))
        ranks = torch.where(some.exists[..., None] & some._inside(local), ranks, torch.inf).flatten(1)
        return SurfacePoints(
            points.flatten(1, 2), normals.flatten(1, 2), ranks, torch.zeros_like(ranks, dtype=torch.bool)
        )

    def cover(self, points: Tensor) -> Tensor:
        """Which points (B, P) lie behind a sheet that covers the skin."""
        offset = points[:, None] - self.centre[:, :, None]
        local = torch.stack([(offset @ axis[..., None])[..., 0] for axis in (self.right, self.up)], 3)
        bent = 0.5 * (self.bend[:, :, None] * local.square()).sum(3)
        depth = -bent - (offset @ self.front[..., None])[..., 0]
        behind = (depth > 0.5) & (depth < self.hides[..., None]) & self._inside(local)
        return (behind & self.exists[..., None]).any(1)


class ObjectPlacer:
    """Draws the objects near each face of a batch.

    Parameters
    ----------
    neutral : Tensor, shape (V, 3), the average head in the head frame
    skin : number of its skin vertices
    shares : share of scans for every name in ``OBJECTS``
    """

    def __init__(self, neutral: Tensor, skin: int, shares: dict[str, float]) -> None:
        device = neutral.device
        table = [[kind.gap, kind.half_u, kind.half_v, kind.bend_u, kind.bend_v, kind.lump] for kind in _KINDS]
        self.ranges = torch.tensor(table, device=device)
        fixed = torch.tensor([kind.anchor or (0.0, 0.0, 0.0) for kind in _KINDS], device=device)
        self.anchor = torch.cdist(fixed, neutral[:skin]).argmin(1)
        self.anywhere = torch.tensor([kind.anchor is None for kind in _KINDS], device=device)
        self.facing = normalize(torch.tensor([kind.facing or (0.0, 0.0, 1.0) for kind in _KINDS], device=device), dim=1)
        self.tilt = torch.tensor([kind.tilt for kind in _KINDS], device=device)
        self.hides = torch.tensor([kind.hides for kind in _KINDS], device=device)
        odds = torch.zeros(_SLOTS, len(_KINDS))
        for index, kind in enumerate(_KINDS):
            odds[kind.slot, index] = kind.odds
        self.odds = odds.to(device)
        self.option = [OBJECTS.index(kind.option) for kind in _KINDS]
        self.shares = shares

    def place(self, vertices: Tensor, points: Tensor, normals: Tensor, masks: EffectMask) -> Sheets:
        """Sheets near faces with vertices (B, V, 3), of which points and normals (B, P, 3) are samples."""
        draw, count = masks.draw, masks.count
        drawn = torch.stack([masks.sample(self.shares[name]) for name in OBJECTS], 1)
        kind, exists = self._choose(drawn, draw)
        low, high = self.ranges[kind].unbind(3)
        gap, half_u, half_v, bend_u, bend_v, lump = torch.lerp(
            low, high, draw.uniform(0.0, 1.0, count, _SLOTS, 6)
        ).split(1, dim=2)
        each = torch.arange(count, device=vertices.device)[:, None]
        chosen = draw.integers(points.shape[1], count, _SLOTS)
        anywhere = self.anywhere[kind][..., None]
        touch = torch.where(anywhere, points[each, chosen], vertices[each, self.anchor[kind]])
        outward = torch.where(anywhere, normals[each, chosen], self.facing[kind])
        front = normalize(outward + self.tilt[kind][..., None] * draw.normal(1.0, count, _SLOTS, 3), dim=2)
        right, up = _tangents(front, anywhere, draw)
        wavelength = draw.uniform(8.0, 40.0, count, _SLOTS, 1, _WAVES)
        direction = normalize(draw.normal(1.0, count, _SLOTS, 2, _WAVES), dim=2)
        return Sheets(
            centre=touch + gap * outward, front=front, right=right, up=up, half=torch.cat([half_u, half_v], 2),
            bend=torch.cat([bend_u, bend_v], 2), lump=lump, corner=draw.uniform(2.0, 6.0, count, _SLOTS, 1),
            frequency=2.0 * torch.pi * direction / wavelength,
            phase=draw.uniform(0.0, 2.0 * torch.pi, count, _SLOTS, 1, _WAVES), exists=exists, hides=self.hides[kind],
        )  # fmt: skip

    def _choose(self, drawn: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """Kind (B, S) of each slot, and whether there is one.

        drawn (B, O) : the sampled options. Where the odds of a slot exceed one, they are made to fit.
        """
        odds = drawn[:, None, self.option] * self.odds
        cumulative = (odds / odds.sum(2, keepdim=True).clamp(min=1.0)).cumsum(2)
        passed = (draw.uniform(0.0, 1.0, *cumulative.shape[:2], 1) >= cumulative).sum(2)
        return passed.clamp(max=len(_KINDS) - 1), passed < len(_KINDS)


def _tangents(front: Tensor, spin: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Two axes (B, S, 3) across ``front``: level and upright, but turned by any angle where ``spin`` says so."""
    helper = torch.zeros_like(front)
    level = front[..., 1].abs() < 0.8
    helper[..., 1], helper[..., 2] = level.to(front), (~level).to(front)
    right = normalize(torch.linalg.cross(helper, front), dim=2)
    up = torch.linalg.cross(front, right)
    angle = draw.uniform(0.0, torch.pi, *front.shape[:2], 1) * spin + draw.normal(0.1, *front.shape[:2], 1)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return cosine * right + sine * up, cosine * up - sine * right


def object_samples(sheets: Sheets, density: Density, draw: Draw) -> SurfacePoints:
    """The surfaces of all sheets."""
    large = sheets.samples(slice(0, _LARGE_SLOTS), _LARGE_AREA, density, draw)
    return large.joined(sheets.samples(slice(_LARGE_SLOTS, _SLOTS), _SMALL_AREA, density, draw))
