"""Everything that varies between generated faces, and how to switch on one corruption alone."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from research.synthesis.anatomy import AnatomyOptions
from research.synthesis.scan_effects import ScanOptions
from research.synthesis.shapes import ShapeOptions
from research.synthesis.surface_effects import EffectOptions


@dataclass(frozen=True, kw_only=True)
class PoseOptions:
    """What is left of the pose after alignment: standard deviations in degrees, millimetres and of the log scale.

    Half of the faces have the small residue that a second pass sees, half the large one of a first pass.
    """

    rotation: tuple[float, float] = (2.5, 8.0)
    translation: tuple[float, float] = (2.0, 6.0)
    scale: tuple[float, float] = (0.025, 0.06)


_SHAPE_ITEMS = ("expressive", "blink")


def _names(options: type) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields(options))


@dataclass(frozen=True, kw_only=True)
class GeneratorOptions:
    """All that varies; ``clean()`` is the same without age, pathology and what a scanner and a hairdresser add.

    Parameters
    ----------
    shape, anatomy, effects, scan, pose : of people; age and pathology; on the skin; by the scanner; after alignment.
        None switches a group off
    extrema : landmarks that an extremum defines are found anew on every face; else they stay at a vertex
    quiet : share of faces that are left out of all effects but hair, brows and noise of points and normals
    """

    shape: ShapeOptions = field(default_factory=ShapeOptions)
    anatomy: AnatomyOptions | None = field(default_factory=AnatomyOptions)
    effects: EffectOptions | None = field(default_factory=EffectOptions)
    scan: ScanOptions | None = field(default_factory=ScanOptions)
    pose: PoseOptions = field(default_factory=PoseOptions)
    extrema: bool = True
    quiet: float = 0.3

    @classmethod
    def clean(cls) -> GeneratorOptions:
        return cls(anatomy=None, effects=None, scan=None, quiet=0.0)

    @classmethod
    def only(cls, item: str, share: float = 1.0) -> GeneratorOptions:
        """The clean generator with one corruption of ``ITEMS`` switched on, for ``share`` of the faces.

        Raises
        ------
        ValueError
            No corruption has this name.
        """
        clean = cls.clean()
        if item in _SHAPE_ITEMS:
            return replace(clean, shape=replace(clean.shape, **{item: share}))
        if item in _names(AnatomyOptions):
            return replace(clean, anatomy=AnatomyOptions(**{**dict.fromkeys(_names(AnatomyOptions), 0.0), item: share}))
        if item in _names(EffectOptions):
            return replace(clean, effects=EffectOptions(**{**dict.fromkeys(_names(EffectOptions), 0.0), item: share}))
        if item in _names(ScanOptions):
            return replace(clean, scan=ScanOptions(**{**dict.fromkeys(_names(ScanOptions), 0.0), item: share}))
        raise ValueError(f"unknown corruption '{item}'; choose one of {', '.join(ITEMS)}")


# Names of all corruptions, for tests of one at a time.
ITEMS: tuple[str, ...] = (
    *_SHAPE_ITEMS,
    *_names(AnatomyOptions),
    *_names(EffectOptions),
    *_names(ScanOptions),
)
