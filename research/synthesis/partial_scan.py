"""Parts of faces: generated scans of which a plane leaves some of the face alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from research.synthesis.generated_scan import GeneratedScan, ScanMaker

# Share of the landmarks that the plane cuts away.
_CUT = (0.2, 0.75)
# Millimetres beyond the plane up to which it cannot be said whether the scan shows a landmark.
_EDGE = 3.0
# The plane cuts sideways and across more often than it cuts the front of the face from the back.
_DIRECTION = (1.0, 1.0, 0.4)
_STREAM = 0xC07


class PartMaker:
    """Makes parts of the scans of another maker, each a function of the seed and its number.

    Parameters
    ----------
    maker : ScanMaker, of the whole scans
    """

    def __init__(self, maker: ScanMaker) -> None:
        self.maker, self.seed = maker, maker.seed

    def scan(self, number: int) -> GeneratedScan:
        """A part of the scan with this number."""
        return part_of(self.maker.scan(number), np.random.default_rng((self.seed, _STREAM, number)))


def part_of(scan: GeneratedScan, rng: np.random.Generator) -> GeneratedScan:
    """What lies on one side of a random plane, which cuts away a random share of the landmarks.

    Landmarks up to 3 mm beyond the plane are disputed.
    """
    direction = rng.normal(size=3) * _DIRECTION
    direction /= np.linalg.norm(direction)
    places = scan.to_head.apply(np.stack([*scan.landmarks.values()])) @ direction
    start = np.quantile(places, rng.uniform(*_CUT))
    depth = dict(zip(scan.landmarks, (places - start).tolist(), strict=True))
    return replace(
        scan,
        surface=scan.surface.clipped(scan.centroids() @ direction >= start).compacted(),
        landmarks={label: place for label, place in scan.landmarks.items() if depth[label] >= 0.0},
        absent=scan.absent + tuple(label for label, inside in depth.items() if inside < -_EDGE),
        disputed=scan.disputed + tuple(label for label, inside in depth.items() if -_EDGE <= inside < 0.0),
    )
