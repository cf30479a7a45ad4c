"""Parameters of the method that are not learnt, as named in the weights and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

STANDARDISATIONS: tuple[str, ...] = ("crop", "paper")


@dataclass(frozen=True, kw_only=True)
class Method:
    """Parameters of detection.

    Attributes
    ----------
    nodes : N of the final pass
    coarse_nodes : N of the passes that refine the pose
    standardise : ``"crop"``: by the fixed centre and radius of the canonical crop; ``"paper"``: by the mean and the
        largest coordinate of the nodes (section 3.2)
    refine : refinement mode of stage 2, see ``sgcn_core.refinement.modes``
    t : top nodes of Eq. 6-8
    gamma : factor on the radius of the ball of Eq. 7
    """

    nodes: int = 8000
    coarse_nodes: int = 2500
    standardise: str = "crop"
    refine: str = "guided"
    t: int = 12
    gamma: float = 5.0

    def __post_init__(self) -> None:
        if self.standardise not in STANDARDISATIONS:
            raise ValueError(f"unknown standardisation {self.standardise!r}; use one of {', '.join(STANDARDISATIONS)}")

    def but(self, **changes: Any) -> Method:
        """A copy with some parameters replaced."""
        return replace(self, **changes)

    def with_preset(self, preset: str) -> Method:
        """As published for ``"paper"`` (standardisation, vertex refinement, t = 12, gamma = 5); the nodes stay."""
        return self.but(standardise="paper", refine="paper", t=12, gamma=5.0) if preset == "paper" else self

    def as_dict(self) -> dict[str, Any]:
        """For the weights file."""
        return asdict(self)

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Method:
        """Read from a weights file; ValueError if it holds an entry unknown to this version."""
        if unknown := set(stored) - {entry.name for entry in fields(cls)}:
            raise ValueError(f"unknown entries of the method {sorted(unknown)}")
        return cls(**stored)
