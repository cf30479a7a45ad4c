"""Errors as they were measured, each with the setting it belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What was measured.

    Attributes
    ----------
    training : the training set
    network : "SGCN" or "GCN"
    depth, nodes, t : D, |V| and t of the paper
    steps : of the training
    test, variant : test set, and "registered" or "remeshed"
    mode : of stage 2
    """

    training: str
    network: str
    depth: int
    steps: int
    nodes: int
    test: str
    variant: str
    mode: str
    t: int = 12

    @property
    def method(self) -> str:
        """The method's name in the paper; the mode that the paper does not have is named after it."""
        stages = {"mean": "1S", "paper": "2S"}.get(self.mode, "2S")
        extra = "" if self.mode in ("mean", "paper") else f", {self.mode}"
        return f"{stages}-{self.network}{extra}"


@dataclass
class Measurements:
    """Errors (L,) of faces, gathered by setting."""

    errors: dict[Setting, list[FloatArray]] = field(default_factory=dict)
    conditions: dict[Setting, list[str]] = field(default_factory=dict)

    def add(self, setting: Setting, condition: str, errors: FloatArray) -> None:
        """Add one face."""
        self.errors.setdefault(setting, []).append(np.asarray(errors, dtype=np.float64))
        self.conditions.setdefault(setting, []).append(condition)

    def of(self, setting: Setting) -> FloatArray:
        """Errors (faces, L)."""
        return np.array(self.errors[setting])

    def by_condition(self, setting: Setting) -> dict[str, FloatArray]:
        """Errors (faces, L) of each condition, in the order of measuring."""
        names = np.array(self.conditions[setting])
        return {name: self.of(setting)[names == name] for name in dict.fromkeys(self.conditions[setting])}

    def settings(self, **wanted: object) -> Iterator[Setting]:
        """Every setting whose fields have the wanted values, in the order of measuring."""
        for setting in self.errors:
            if all(getattr(setting, name) == value for name, value in wanted.items()):
                yield setting

    def save(self, path: Path) -> None:
        """Write everything as one ``.npz``."""
        arrays = {f"errors{i}": self.of(setting).astype(np.float32) for i, setting in enumerate(self.errors)}
        about = [{"setting": asdict(setting), "conditions": self.conditions[setting]} for setting in self.errors]
        np.savez_compressed(path, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Measurements:
        """Read what ``save`` wrote."""
        measured = cls()
        with np.load(path, allow_pickle=False) as archive:
            for i, entry in enumerate(json.loads(str(archive["about"]))):
                setting = Setting(**entry["setting"])
                for condition, errors in zip(entry["conditions"], archive[f"errors{i}"], strict=True):
                    measured.add(setting, condition, errors)
        return measured
