"""The training loop: fresh faces at every step, checkpoints, resume."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch_geometric.data import Batch

from sgcn_core.errors import ModelError
from sgcn_core.model.heatmap import gaussian_heatmaps
from sgcn_core.model.loss import adaptive_wing_loss
from sgcn_core.model.network import NetworkConfig, StratifiedGCN
from sgcn_core.training.config import Stage, TrainingConfig
from sgcn_core.training.ema import WeightAverage
from sgcn_core.training.optimiser import make_optimisers
from sgcn_core.training.source import Source
from sgcn_core.training.validation import mean_errors, unpack
from sgcn_core.weights.checkpoint import load_checkpoint

_VALIDATION_STREAM = 1


class TrainingRun:
    """One run in one folder: ``checkpoint.pt`` to go on from, ``log.jsonl`` with loss and error.

    Parameters
    ----------
    config : TrainingConfig
    source : Source of the faces to train on, on the device of ``fabric``
    validation : name -> Source of the faces to measure the error on
    folder : Path, made where absent; a checkpoint in it is continued
    fabric : lightning.fabric.Fabric, gives device, precision and processes
    report : called with lines of progress
    network : what is trained, optional; by default the StratifiedGCN of the configuration with random weights. Another
        one takes the same arguments and gives a heatmap for each label; the first three features are the position

    Raises
    ------
    ModelError
        The checkpoint in the folder is of another network or optimiser.
    """

    def __init__(
        self,
        config: TrainingConfig,
        source: Source,
        validation: Mapping[str, Source],
        folder: Path,
        *,
        fabric: Fabric,
        report: Callable[[str], None] = print,
        network: nn.Module | None = None,
    ) -> None:
        self.config, self.folder, self.fabric, self.report = config, Path(folder), fabric, report
        self.folder.mkdir(parents=True, exist_ok=True)
        self.generator, self.validation = source, validation
        self.model = source.model
        self._draws = config.draws_of(fabric.global_rank, fabric.world_size)
        torch.manual_seed(config.seed)
        self.network_config = NetworkConfig(
            landmarks=len(self.model.labels),
            depth=config.depth,
            channels=config.channels,
            coarse=config.coarse,
            norm=config.norm,  # type: ignore[arg-type]
        )
        trained = StratifiedGCN(self.network_config) if network is None else network
        optimisers = make_optimisers(trained, kind=config.optimiser, weight_decay=config.weight_decay)
        self.network, *self.optimisers = fabric.setup(trained, *optimisers)
        self.average = WeightAverage(self.network.module, config.ema)
        self.step = self.begun_at = 0
        # Record of the weights that the run began with; empty where an older checkpoint kept none.
        self.begun_from: dict[str, Any] | None = None
        self.seconds = 0.0
        if self.checkpoint.exists():
            self._resume()

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def start_from(self, weights: Path) -> None:
        """Begin with the weights of a file instead of random ones; without effect on a run that is under way.

        Weights that a run of the same configuration exported are continued at their step, the optimiser warmed up anew.

        Raises
        ------
        ModelError
            If the file cannot be read.
        ValueError
            If its network has another shape than the configuration's.
        """
        if self.step:
            return
        exported = load_checkpoint(weights, device=self.model.device)
        start = exported.network
        if start.config != self.network_config:
            raise ValueError(
                f"{weights} holds a network {start.config}, the configuration asks for {self.network_config}"
            )
        self.network.module.load_state_dict(start.state_dict())
        self.average = WeightAverage(self.network.module, self.config.ema)
        self.begun_from = {"sha256": exported.sha256[:16], **exported.info}
        if exported.info.get("training") == json.loads(json.dumps(self.config.as_dict())):
            self.step = self.begun_at = int(exported.info["steps"])
        self.report(f"starting from {weights} at step {self.step}")

    def train(self, *, minutes: float = math.inf, until: int | None = None) -> bool:
        """Train to the end, for ``minutes`` or ``until`` a step; True when the configuration's last step is done."""
        started = last = time.monotonic()
        while self.step < (self.config.total_steps if until is None else until):
            stage, rate = self.config.stage_at(self.step)
            rate *= min(1.0, (self.step - self.begun_at + 1) / max(self.config.warmup, 1)) if self.begun_at else 1.0
            loss, norm = self._step(stage, rate)
            self.step += 1
            now = time.monotonic()
            self.seconds, last = self.seconds + now - last, now
            if self.step % 25 == 0:
                size = {} if norm is None else {"norm": float(norm)}
                self._log(loss=float(loss), **size, rate=rate, nodes=self.generator.nodes)
            if self.step % self.config.validate_every == 0:
                self._log(**self.validate(stage))
                self.save()
            if now - started > 60.0 * minutes:
                break
        self.save()
        return self.step >= self.config.total_steps

    def _step(self, stage: Stage, rate: float) -> tuple[Tensor, Tensor | None]:
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        batch = self._batch()
        features, neighbours, members = unpack(batch)
        truth = gaussian_heatmaps(features[..., :3], batch.landmarks, sigma=stage.sigma)
        predicted = self.network(features, neighbours, members)
        # What a population cannot label costs nothing.
        truth = torch.where(batch.known[:, None], truth, predicted.detach().to(truth.dtype))
        loss = adaptive_wing_loss(predicted, truth, **asdict(self.config.loss))
        self.network.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        norm = None
        if self.config.clip > 0:
            # Muon is indifferent to the length of a gradient; the last optimiser is an Adam.
            norm = self.fabric.clip_gradients(self.network, self.optimisers[-1], max_norm=self.config.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        self.average.update(self.network.module)
        return loss.detach(), norm

    def _batch(self) -> Batch:
        """The graphs of this step, or this process's share of them."""
        self.generator.nodes, graphs = self.config.size_at(self.step)
        draws, each = self.config.draws, graphs // self.config.draws
        drawn = [self.generator.batch(self.step * draws + number, each) for number in self._draws]
        if len(drawn) == 1:
            return drawn[0]
        return Batch.from_data_list([graph for batch in drawn for graph in batch.to_data_list()])

    def averaged_network(self) -> StratifiedGCN:
        """The network with the averaged weights, on the training device."""
        network = self.averaged()
        assert isinstance(network, StratifiedGCN)
        return network

    def averaged(self) -> nn.Module:
        """What is trained, whatever network it is, with the averaged weights."""
        network: nn.Module = deepcopy(self.network.module)
        network.load_state_dict(self.average.weights)
        network.zero_grad(set_to_none=True)
        return network.eval()

    def validate(self, stage: Stage) -> dict[str, float]:
        """Mean and median error in millimetres on unseen faces of each kind."""
        network = self.averaged_network()
        result = {}
        for name, generator in self.validation.items():
            generator.nodes = stage.sizes[0][0]
            batches = (
                generator.batch(i, 4, stream=_VALIDATION_STREAM) for i in range(self.config.validation_faces // 4)
            )
            errors = torch.cat([mean_errors(network, batch) for batch in batches])
            errors = errors[~errors.isnan()]
            result[f"{name}_mean_mm"], result[f"{name}_median_mm"] = float(errors.mean()), float(errors.median())
        return result

    def save(self) -> None:
        """Write the checkpoint in one piece."""
        if not self.fabric.is_global_zero:
            return
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.module.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "average": self.average.state_dict(),
            "begun_from": self.begun_from,
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.checkpoint)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, map_location=self.model.device, weights_only=True)
        try:
            self.network.module.load_state_dict(state["network"])
            for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"{self.checkpoint} is of a run with another network or optimiser; name another folder for this one"
            ) from error
        self.step, self.seconds = state["step"], state["seconds"]
        self.begun_from = state.get("begun_from", {})
        self.average.load_state_dict(state["average"])
        self.report(f"continuing {self.checkpoint} at step {self.step}")

    def _log(self, **values: float) -> None:
        if not self.fabric.is_global_zero:
            return
        entry = {"step": self.step, "minutes": round(self.seconds / 60.0, 2), **values}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        self.report("  ".join(f"{key} {value:.5g}" for key, value in entry.items()))
