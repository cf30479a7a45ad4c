"""What scanners make of eyes, lips and nostrils. The landmarks stay at their place of the face.

Photogrammetry and structured light see neither wet and shining surfaces nor narrow grooves: lashes and lids smear over
the palpebral fissure or close it, the eyeball is a crater or a spike, the line between the lips is lost, nostrils are
filled, and the patches of two cameras do not meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from research.synthesis.effect_mask import EffectMask
from research.synthesis.normals import vertex_normals
from research.synthesis.population import Population
from research.synthesis.relief import Opening, Relief, within

# An opening reaches no vertex farther from its middle than this on the average face, millimetres.
_REACH = {"eye": 26.0, "lips": 36.0, "nostril": 18.0}
# Skin this far above the bridge is beside the opening and stays there, and so is any this far from its plane.
_ABOVE, _BESIDE = 5.0, 14.0
# What lies this much deeper than the bridge over the lips is inside the mouth and stays there, millimetres.
_INSIDE_MOUTH = 7.0
# Cosine between the normal and the direction out of a nostril of what belongs to it.
_FACING = -0.3


@dataclass(frozen=True)
class _Site:
    """Landmarks by which an opening is found, see `Opening`."""

    kind: str
    ends: tuple[str, str]
    across: tuple[str, str]
    half_height: float
    towards: tuple[float, float, float]


_SITES = (
    _Site("eye", ("ex_r", "en_r"), ("ps_r", "pi_r"), 6.0, (-0.25, 0.0, 0.97)),
    _Site("eye", ("en_l", "ex_l"), ("ps_l", "pi_l"), 6.0, (0.25, 0.0, 0.97)),
    _Site("lips", ("ch_r", "ch_l"), ("sts", "sti"), 6.0, (0.0, 0.0, 1.0)),
    _Site("nostril", ("al_r", "c"), ("al_r", "c"), 7.0, (-0.2, -0.85, 0.5)),
    _Site("nostril", ("c", "al_l"), ("c", "al_l"), 7.0, (0.2, -0.85, 0.5)),
)


@dataclass(frozen=True)
class Shares:
    """Share of faces with each effect, see ``EffectOptions``."""

    lids_smeared: float
    fissure_closed: float
    eye_craters: float
    lips_smeared: float
    nostrils_filled: float
    camera_offsets: float


class Openings:
    """Spoils the surface at the openings of generated faces.

    Parameters
    ----------
    model : Population; an opening whose landmarks it lacks is left as it is
    shares : Shares
    """

    def __init__(self, model: Population, shares: Shares) -> None:
        self.shares = shares
        column = {label: i for i, label in enumerate(model.labels) if bool(model.known[i])}
        self.sites = [
            (site.kind, _opening(model, site, column)) for site in _SITES if {*site.ends, *site.across} <= set(column)
        ]
        self.landmarks = model.landmarks.clamp(min=0)

    def apply(self, vertices: Tensor, masks: EffectMask) -> Tensor:
        """Vertices (B, V, 3), spoiled at the openings of some faces."""
        effects: tuple[tuple[str, float, Callable[..., Tensor]], ...] = (
            ("eye", self.shares.eye_craters, self._crater),
            ("eye", self.shares.lids_smeared, self._smear_lids),
            ("eye", self.shares.fissure_closed, self._close_fissure),
            ("lips", self.shares.lips_smeared, self._smear_lips),
            ("nostril", self.shares.nostrils_filled, self._fill_nostril),
            ("eye nostril", self.shares.camera_offsets, self._offset),
        )
        for kinds, share, effect in effects:
            chosen = masks.some(share)
            if not len(chosen):
                continue
            some = vertices[chosen]
            places = some[:, self.landmarks]
            for kind, opening in self.sites:
                if kind in kinds:
                    relief = Relief.of(opening, some, places)
                    some = relief.moved(some, opening, effect(relief, EffectMask(masks.draw, len(chosen))))
            vertices = vertices.index_copy(0, chosen, some)
        return vertices

    @staticmethod
    def _smear_lids(relief: Relief, masks: EffectMask) -> Tensor:
        """The relief within and around the lids is flattened, with the lashes as a veil of up to 2 mm in front."""
        draw, count = masks.draw, masks.count
        reach = draw.uniform(1.1, 1.9, count, 1)
        share = draw.uniform(0.4, 0.95, count, 1) * draw.chance(0.85, count, 1)
        veil = draw.uniform(-0.5, 2.0, count, 1) * torch.exp(-2.0 * relief.plane[..., 1].square())
        rough = draw.uniform(0.0, 0.25, count, 1) * draw.normal(1.0, *relief.height.shape)
        return _bridged(relief, reach, share, veil + rough)

    @staticmethod
    def _close_fissure(relief: Relief, masks: EffectMask) -> Tensor:
        """A membrane from lid to lid, over the whole fissure or over its two ends only, which shortens it."""
        draw, count = masks.draw, masks.count
        reach = draw.uniform(0.95, 1.3, count, 1)
        bulge = draw.uniform(-1.0, 2.5, count, 1) * (1.0 - relief.radius.square()).clamp(min=0.0)
        ends = draw.uniform(0.45, 0.85, count, 1)
        only_ends = draw.chance(0.5, count, 1)
        beyond = torch.sigmoid((relief.plane[..., 0].abs() - ends) / 0.05)
        share = draw.uniform(0.8, 1.0, count, 1) * draw.chance(0.85, count, 1)
        return _bridged(relief, reach, share * torch.where(only_ends, beyond, 1.0), bulge)

    @staticmethod
    def _crater(relief: Relief, masks: EffectMask) -> Tensor:
        """The iris is a crater of 2-9 mm with steep walls, or a spike of 2-10 mm; only eyeballs move."""
        draw, count = masks.draw, masks.count
        centre = torch.cat([draw.normal(0.15, count, 1, 1), draw.normal(0.2, count, 1, 1)], 2)
        offset = (relief.plane - centre) * torch.tensor([1.0, 0.45], device=relief.plane.device)
        spike = draw.chance(0.4, count, 1)
        wide = torch.where(spike, draw.uniform(0.14, 0.25, count, 1), draw.uniform(0.3, 0.65, count, 1))
        deep = torch.where(spike, draw.uniform(2.0, 10.0, count, 1), -draw.uniform(2.0, 9.0, count, 1))
        rough = 1.0 + 0.3 * draw.normal(1.0, *relief.height.shape)
        shape = torch.exp(-(offset.norm(dim=2) / wide).pow(4)) * rough
        return deep * draw.chance(0.85, count, 1) * shape * ~relief.skin

    @staticmethod
    def _smear_lips(relief: Relief, masks: EffectMask) -> Tensor:
        """The groove between the lips and their borders are flattened."""
        draw, count = masks.draw, masks.count
        reach = draw.uniform(0.7, 1.5, count, 1)
        share = draw.uniform(0.4, 0.95, count, 1)
        full = draw.uniform(0.0, 5.0, count, 1) * (1.0 - relief.plane[..., 1].square() / 4.0).clamp(min=0.0)
        narrow = (1.0 - relief.plane[..., 0].square()).clamp(min=0.0)
        return _bridged(relief, reach, share, full * narrow, deepest=_INSIDE_MOUTH)

    @staticmethod
    def _fill_nostril(relief: Relief, masks: EffectMask) -> Tensor:
        """The nostril is shallow or gone; one may be filled and the other not."""
        draw, count = masks.draw, masks.count
        reach = draw.uniform(0.75, 1.05, count, 1)
        share = draw.uniform(0.5, 1.0, count, 1) * draw.chance(0.85, count, 1)
        return _bridged(relief, reach, share, draw.uniform(-1.5, 0.8, count, 1))

    @staticmethod
    def _offset(relief: Relief, masks: EffectMask) -> Tensor:
        """A step of 0.3-1.5 mm through the opening, where the patches of two cameras meet; it fades out around."""
        draw, count = masks.draw, masks.count
        angle = draw.uniform(0.0, 2.0 * torch.pi, count, 1)
        along = relief.plane[..., 0] * torch.cos(angle) + relief.plane[..., 1] * torch.sin(angle)
        side = torch.sigmoid((along - draw.uniform(-0.6, 0.6, count, 1)) / 0.04)
        step = draw.uniform(0.3, 1.5, count, 1) * torch.where(draw.chance(0.5, count, 1), 1.0, -1.0)
        faded = within(relief.radius, draw.uniform(1.3, 1.9, count, 1), soft=0.8)
        faded = faded * within(relief.height.abs(), relief.height.new_tensor(_BESIDE), soft=4.0)
        return step * side * faded * draw.chance(0.8, count, 1)


def _bridged(relief: Relief, reach: Tensor, share: Tensor, above: Tensor, deepest: float | None = None) -> Tensor:
    """Rise (B, P) of the vertices to the bridge and ``above`` (B, P or 1) it, by ``share`` within ``reach`` (B, 1).

    Of the eyeballs only what lies between the lids is raised: the rest stays hidden below them. ``deepest`` millimetres
    below the bridge, and deeper, nothing moves.
    """
    missing = relief.bridge(reach) + above - relief.height
    weight = share * within(relief.radius, reach) * torch.sigmoid(2.0 * (_ABOVE + missing))
    weight = torch.where(relief.skin, weight, weight * relief.between)
    if deepest is not None:
        weight = weight * torch.sigmoid(deepest - missing)
    return weight * missing


def _opening(model: Population, site: _Site, column: dict[str, int]) -> Opening:
    ends, across = ((column[first], column[last]) for first, last in (site.ends, site.across))
    middle = model.neutral[model.landmarks[[*ends, *across]]].mean(0)
    near = (model.neutral - middle).norm(dim=1) < _REACH[site.kind]
    if site.kind == "nostril":
        # The bridge of the nose and the outside of its wing lie behind the nostril, and stay where they are.
        normals = vertex_normals(model.neutral[None], model.faces)[0]
        near &= normals @ model.neutral.new_tensor(site.towards) > _FACING
    near = torch.nonzero(near)[:, 0]
    return Opening(ends, across, site.half_height, site.towards, near, near < model.skin)
