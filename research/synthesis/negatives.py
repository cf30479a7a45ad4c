"""Negatives, surfaces without a face, each a function of the seed and its number: what a detector must refuse.

Rounded bodies are put together from balls, capsules and boxes by their signed distances, and the surface is where the
distance is 0; parts of heads are cut from generated people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from research.synthesis.signed_distances import Solid, ball, box, capsule, joined_smoothly, surface_of
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]

# Hashed into every seed.
_STREAM = 0x0FACE


@dataclass(frozen=True, eq=False)
class Negative:
    """A surface in millimetres, in any pose, and what it is."""

    kind: str
    surface: Surface


def negative(number: int, *, seed: int = 0) -> Negative:
    """The negative with this number; the kinds take turns."""
    rng = np.random.default_rng((seed, _STREAM, number))
    kind, make = list(_KINDS.items())[number % len(_KINDS)]
    vertices, faces = surface_of(make(rng), voxel=float(rng.uniform(2.5, 5.0)))
    bumps = rng.uniform(0.0, 0.4) * rng.standard_normal(vertices.shape)
    vertices = (vertices + bumps) @ Rotation.random(random_state=rng).as_matrix().T + rng.uniform(-300.0, 300.0, 3)
    return Negative(kind, Surface(vertices, faces, unit="mm", source=f"{kind} {number}"))


def kinds() -> tuple[str, ...]:
    """Names of the kinds of negatives."""
    return tuple(_KINDS)


def _sphere(rng: np.random.Generator) -> Solid:
    return ball((0, 0, 0), rng.uniform(60, 130))


def _egg(rng: np.random.Generator) -> Solid:
    """A head without a face: a mannequin's."""
    height, width = rng.uniform(60, 90), rng.uniform(55, 75)
    neck = capsule((0, 0, -60), (0, 0, -170), rng.uniform(40, 55))
    return joined_smoothly([capsule((0, 0, 0), (0, rng.uniform(-30, 30), height), width), neck], 25.0)


def _box(rng: np.random.Generator) -> Solid:
    return box((0, 0, 0), rng.uniform(35, 130, 3), rounding=float(rng.uniform(1, 15)))


def _cylinder(rng: np.random.Generator) -> Solid:
    return capsule((0, 0, 0), (0, 0, rng.uniform(60, 300)), rng.uniform(30, 100))


def _ring(rng: np.random.Generator) -> Solid:
    angles = np.linspace(0, 2 * np.pi, 17)
    places = rng.uniform(70, 120) * np.stack([np.cos(angles), np.sin(angles), 0 * angles], 1)
    thick = rng.uniform(15, 40)
    return joined_smoothly([capsule(a, b, thick) for a, b in pairwise(places)], 5.0)


def _blob(rng: np.random.Generator) -> Solid:
    """A lump: balls in a heap, as a potato, a rock or a crumpled cloth."""
    balls = [ball(rng.normal(0, 45, 3), rng.uniform(20, 65)) for _ in range(rng.integers(4, 14))]
    return joined_smoothly(balls, float(rng.uniform(5, 30)))


def _hand(rng: np.random.Generator) -> Solid:
    palm = box((0, 0, 0), (42, 48, 13), rounding=12.0)
    parts = [palm, capsule((0, -45, 0), (0, -170, rng.uniform(-20, 20)), rng.uniform(26, 36))]
    for finger, x in enumerate((-33, -11, 11, 33)):
        bend, length = rng.uniform(-0.2, 0.9), (36, 42, 40, 30)[finger] * rng.uniform(0.9, 1.1)
        joint = np.array([x, 46.0, 0.0])
        for bone in range(3):
            tip = joint + length * 0.85**bone * np.array([x / 400, np.cos(bend * bone), np.sin(bend * bone)])
            parts.append(capsule(joint, tip, 9.5 - bone))
            joint = tip
    thumb = np.array([-62.0, 8.0, rng.uniform(5, 30)])
    parts += [capsule((-36, -22, 5), thumb, 12), capsule(thumb, thumb + np.array([-12.0, 34.0, 8.0]), 10)]
    return joined_smoothly(parts, 6.0)


def _foot(rng: np.random.Generator) -> Solid:
    parts = [capsule((0, -80, 0), (0, 60, -8), 28), capsule((-18, 60, -12), (22, 75, -14), 20)]
    parts += [capsule((x, 85, -18), (x, 108 - abs(x) / 3, -19), 9 + 5 * (x < -20)) for x in (-28, -9, 5, 18, 29)]
    parts.append(capsule((0, -75, 10), (0, -85, rng.uniform(120, 250)), rng.uniform(32, 45)))
    return joined_smoothly(parts, 12.0)


def _chair(rng: np.random.Generator) -> Solid:
    height, wide = rng.uniform(120, 220), rng.uniform(90, 150)
    legs = [box((x, y, -height / 2), (9, 9, height / 2)) for x in (-wide, wide) for y in (-wide, wide)]
    back = box((0, wide, height * 0.7), (wide, 10, height * 0.6), rounding=6.0)
    return joined_smoothly([box((0, 0, 0), (wide + 9, wide + 9, 12), rounding=6.0), back, *legs], 2.0)


def _cup(rng: np.random.Generator) -> Solid:
    height, wide = rng.uniform(50, 90), rng.uniform(40, 70)
    outside, inside = capsule((0, 0, 0), (0, 0, 2 * height), wide), capsule((0, 0, 12), (0, 0, 3 * height), wide - 7)
    lid = box((0, 0, 0), (300, 300, height))
    turns = np.linspace(-1.3, 1.3, 8)
    bow = wide * np.stack([1 + 0.55 * np.cos(turns), 0 * turns, 0.55 * np.sin(turns)], 1) + (0, 0, 0.4 * height)
    handle = [capsule(a, b, 7) for a, b in pairwise(bow)]

    def distance(points: FloatArray) -> FloatArray:
        wall = np.maximum(np.maximum(outside.distance(points), -inside.distance(points)), lid.distance(points))
        grip = np.maximum(joined_smoothly(handle, 3.0).distance(points), -inside.distance(points))
        return np.minimum(wall, grip)

    reach = 2.0 * wide + 10
    return Solid(distance, np.array([-wide - 10, -reach, -wide - 10]), np.array([reach, reach, height + 10]))


def _dog(rng: np.random.Generator) -> Solid:
    """An animal's head: muzzle, ears, no human proportions."""
    muzzle = rng.uniform(60, 130)
    parts = [ball((0, 0, 0), rng.uniform(55, 75)), capsule((0, 30, -15), (0, 30 + muzzle, -25), rng.uniform(20, 34))]
    parts += [ball((0, 32 + muzzle, -10), 13), capsule((0, -20, -30), (0, -120, -120), 55)]
    up = rng.uniform(30, 90)
    for side in (-1, 1):
        parts.append(capsule((side * 42, -8, 40), (side * rng.uniform(45, 75), -20, 40 + up), rng.uniform(8, 16)))
        parts.append(ball((side * 27, 48, 20), 10))
    return joined_smoothly(parts, 9.0)


def _quadruped(rng: np.random.Generator) -> Solid:
    parts = [capsule((-70, 0, 0), (70, 0, rng.uniform(-10, 20)), rng.uniform(28, 45))]
    parts += [capsule((x, y, -10), (x * 1.1, y, -110), 12) for x in (-65, 65) for y in (-22, 22)]
    parts += [capsule((75, 0, 15), (115, 0, 65), 22), ball((125, 0, 75), 28), capsule((125, 0, 72), (165, 0, 60), 14)]
    parts += [capsule((-80, 0, 10), (-150, 0, rng.uniform(0, 80)), 7)]
    return joined_smoothly(parts, 10.0)


def _figure(rng: np.random.Generator) -> Solid:
    """A body without a face, as large as a bust: torso, neck, arms."""
    parts = [capsule((0, 0, 0), (0, 0, 130), 85), capsule((0, 0, 190), (0, 0, 240), rng.uniform(35, 50))]
    parts += [capsule((s * 110, 0, 130), (s * rng.uniform(130, 190), rng.uniform(0, 90), -40), 38) for s in (-1, 1)]
    return joined_smoothly(parts, 30.0)


def _knobs(rng: np.random.Generator) -> Solid:
    """A plate with knobs, as a control panel or a toy: about as many bumps as a face has."""
    parts: list[Solid] = [box((0, 0, 0), (rng.uniform(60, 110), rng.uniform(60, 110), 12), rounding=8.0)]
    parts += [ball((*rng.uniform(-60, 60, 2), 10), rng.uniform(8, 26)) for _ in range(rng.integers(3, 12))]
    return joined_smoothly(parts, float(rng.uniform(2, 12)))


_KINDS: dict[str, Callable[[np.random.Generator], Solid]] = {
    "sphere": _sphere,
    "faceless head": _egg,
    "box": _box,
    "cylinder": _cylinder,
    "ring": _ring,
    "lump": _blob,
    "hand": _hand,
    "foot": _foot,
    "chair": _chair,
    "cup": _cup,
    "animal's head": _dog,
    "animal": _quadruped,
    "faceless figure": _figure,
    "plate with knobs": _knobs,
}


def parts_of_heads(surface: Surface, to_head: FloatArray, rng: np.random.Generator) -> Sequence[Negative]:
    """Skull vault, back of the head, neck and one ear of a head: surfaces that show (nearly) nothing of a face.

    Parameters
    ----------
    surface : a whole head
    to_head : (4, 4), from the surface to the head frame, millimetres
    """
    centroids = surface.vertices[surface.faces].mean(1) @ to_head[:3, :3].T + to_head[:3, 3]
    x, y, z = centroids.T
    wanted = {
        "skull vault": y > rng.uniform(72, 85),
        "back of a head": z < rng.uniform(-25, 0),
        "neck": y < rng.uniform(-105, -98),
        "ear": (x > 55) & (z < 5) & (y > -60) & (y < 40),
    }
    return [
        Negative(kind, surface.clipped(kept).compacted())
        for kind, kept in wanted.items()
        if np.count_nonzero(kept) > 300
    ]
