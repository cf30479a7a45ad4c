"""Configuration of a training run, read from a JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_PAPER_BATCH = 4


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of training.

    Parameters
    ----------
    steps : optimiser steps
    sizes : (nodes of each graph, graphs a step), one pair or several that take turns
    sigma : width of the heatmaps, normalised coordinates
    rate : learning rate at the start and at the end of the stage; linear in between
    """

    steps: int
    sizes: tuple[tuple[int, int], ...]
    sigma: float
    rate: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class LossParameters:
    """Parameters of the weighted adaptive wing loss (Eq. 3); the defaults are the paper's (section 5.2)."""

    omega: float = 14.0
    theta: float = 0.5
    alpha: float = 2.1
    epsilon: float = 1.0
    beta: float = 50.0


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """A whole run; see ``research/configs/face.json``.

    Parameters
    ----------
    stages : in order; the weights do not depend on the number of nodes, so small graphs come first
    depth, channels, coarse, norm : of the network (``NetworkConfig``)
    neighbours : k of the fine graph
    seed : of the weights and the faces
    warmup : steps over which the rate rises from zero
    optimiser : ``"muon"``, ``"adamw"`` or ``"adam"``, see ``sgcn_core.training.optimiser``
    weight_decay, clip : of the optimiser, and the largest gradient norm; a ``clip`` of 0 leaves gradients as they are
    ema : decay of the running mean of the weights, which is what gets shipped; 0 ships the last weights
    loss : LossParameters
    pools : number of blue-noise sample sets
    second_share : of the faces from all populations but the first, in equal parts, where ``populations`` is not given
    populations : name (``ict``, ``makehuman``, ``gnm``, ``children``) to share of the faces; all of them must be given
        to the run
    draws : independent draws that the graphs of a step are made of; several processes share them, and the weights are
        those that one process with as many draws gets
    data : ``"generator"``, fresh generated scans; ``"neutral"`` or ``"emotions"``, the fixed people of the paper's
        experiments (``research.synthesis.paper_faces``)
    """

    stages: tuple[Stage, ...]
    depth: int = 20
    channels: int = 64
    coarse: bool = True
    norm: str = "node"
    neighbours: int = 16
    seed: int = 0
    warmup: int = 200
    optimiser: str = "muon"
    weight_decay: float = 1e-4
    clip: float = 1.0
    ema: float = 0.998
    loss: LossParameters = field(default_factory=LossParameters)
    pools: int = 64
    draws: int = 1
    data: str = "generator"
    second_share: float = 0.35
    populations: dict[str, float] | None = None
    validate_every: int = 250
    validation_faces: int = 16

    @classmethod
    def load(cls, path: Path) -> TrainingConfig:
        """Read a configuration.

        A stage may give ``epochs`` instead of ``steps``; the file then has ``epoch``, the faces of one: an epoch is as
        many steps as pass through so many faces.

        Raises
        ------
        ValueError
            If a key is unknown, or a stage has epochs of unknown length.
        """
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        epoch = content.pop("epoch", None)
        known = set(cls.__dataclass_fields__)
        if unknown := set(content) - known:
            raise ValueError(f"{path}: unknown keys {sorted(unknown)}; known are {sorted(known)}")
        try:
            stages = tuple(_stage(stage, epoch) for stage in content.pop("stages"))
            loss = LossParameters(**content.pop("loss", {}))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error
        return cls(stages=stages, loss=loss, **content)

    def as_dict(self) -> dict[str, Any]:
        """All of it; a single draw a step is left out, as in the weights of versions that knew no other."""
        content = asdict(self)
        if self.draws == 1:
            del content["draws"]
        return content

    def draws_of(self, rank: int, world: int) -> range:
        """Numbers of the draws of a step that process ``rank`` of ``world`` makes.

        Raises
        ------
        ValueError
            If the draws cannot be shared evenly by the processes, or the graphs of a step by the draws.
        """
        if self.draws % world:
            raise ValueError(f'{world} processes cannot share {self.draws} draws evenly; set "draws" to a multiple')
        if uneven := [graphs for stage in self.stages for _, graphs in stage.sizes if graphs % self.draws]:
            raise ValueError(f"{uneven[0]} graphs of a step cannot be made of {self.draws} equal draws")
        return range(rank, self.draws, world)

    def shares(self, names: Sequence[str]) -> dict[str, float]:
        """Share of each population of a run, the first the one that all others are labelled and cropped like.

        Raises
        ------
        ValueError
            If ``populations`` names others than the run has.
        """
        if self.populations is None:
            rest = self.second_share if len(names) > 1 else 0.0
            return {name: rest / (len(names) - 1) if i else 1.0 - rest for i, name in enumerate(names)}
        if set(self.populations) != set(names):
            raise ValueError(
                f"the configuration asks for the populations {sorted(self.populations)}, "
                f"the run has the data of {sorted(names)}"
            )
        return {name: self.populations[name] for name in names}

    @property
    def most_nodes(self) -> int:
        """Nodes of the largest graph."""
        return max(nodes for stage in self.stages for nodes, _ in stage.sizes)

    @property
    def total_steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def size_at(self, step: int) -> tuple[int, int]:
        """Nodes of each graph and graphs of a step."""
        sizes = self.stage_at(step)[0].sizes
        return sizes[step % len(sizes)]

    def stage_at(self, step: int) -> tuple[Stage, float]:
        """The stage of a step and the learning rate there."""
        before = 0
        for stage in self.stages:
            if step < before + stage.steps:
                share = (step - before) / stage.steps
                rate = stage.rate[0] + share * (stage.rate[1] - stage.rate[0])
                return stage, rate * min(1.0, (step + 1) / max(self.warmup, 1))
            before += stage.steps
        raise IndexError(f"step {step} lies beyond the {self.total_steps} steps of the configuration")


def paper_config(
    faces: int, *, epochs: int = 500, nodes: int = 8000, neighbours: int = 16, seed: int = 0
) -> TrainingConfig:
    """The paper's training (section 5.2) on ``faces`` faces; learning rate and epsilon are those of its published code.

    The four graphs of a step are as many draws, so that 2 or 4 processes can share them.
    """
    stage = Stage(
        steps=epochs * math.ceil(faces / _PAPER_BATCH),
        sizes=((nodes, _PAPER_BATCH),),
        sigma=0.03,
        rate=(0.001, 0.001),
    )
    return TrainingConfig(
        stages=(stage,),
        neighbours=neighbours,
        seed=seed,
        warmup=0,
        optimiser="adam",
        weight_decay=0.0,
        clip=0.0,
        ema=0.0,
        draws=_PAPER_BATCH,
    )


def _stage(content: dict[str, Any], epoch: int | None) -> Stage:
    """A stage of a file; ``epoch`` is the number of faces of one."""
    sizes = tuple((int(nodes), int(batch)) for nodes, batch in content["sizes"])
    values = {**content, "sizes": sizes, "rate": tuple(content["rate"])}
    if "epochs" in values:
        if epoch is None:
            raise ValueError('a stage is given in epochs; add "epoch", the number of faces of one')
        if len(sizes) != 1:
            raise ValueError(f"a stage of epochs needs one size of graphs, received {len(sizes)}")
        values["steps"] = values.pop("epochs") * math.ceil(epoch / sizes[0][1])
    return Stage(**values)
