"""Train the network of a region: ``python -m research.local_pass.train --region eye --patches DIR --out FILE``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor

from research.local_pass.regions import REGIONS, LocalRegion
from research.local_pass.source import SCAN, Patches, PatchSource
from sgcn_core.detector import LandmarkDetector
from sgcn_core.model.heatmap import gaussian_heatmaps
from sgcn_core.model.loss import adaptive_wing_loss
from sgcn_core.model.network import NetworkConfig, StratifiedGCN
from sgcn_core.training.ema import WeightAverage
from sgcn_core.training.optimiser import make_optimisers
from sgcn_core.training.validation import weighted_means
from sgcn_core.weights.checkpoint import Checkpoint

# Width of the heatmaps, millimetres of the head frame.
SIGMA_MM = 1.9
DEPTH, CHANNELS = 8, 48
_HELD_OUT = 6  # files
# By what heatmaps are multiplied before the softmax of the validation.
_SHARPER = 8.0


def region_frame(known: Checkpoint, region: LocalRegion) -> tuple[Tensor, Tensor]:
    """Mean centre of the left (or only) side in the head frame, and its mean landmarks about it; millimetres."""
    places = torch.tensor(known.prototype * known.crop_radius + known.crop_centre)
    own = places[[known.labels.index(label) for label in region.labels]]
    return own.mean(0), own - own.mean(0)


def local_errors(network: StratifiedGCN, batch: Patches, reach: float) -> Tensor:
    """Errors (B, K) of the weighted means of the top nodes (Eq. 6), millimetres; NaN where there is no truth."""
    with torch.inference_mode():
        heat = network(batch.features, batch.neighbours, batch.members)
    place = weighted_means(_SHARPER * heat, batch.features[..., :3])
    error: Tensor = (place - batch.landmarks).norm(dim=2) * reach
    return error.masked_fill(~batch.known, torch.nan)


def main() -> None:
    """Train for some minutes and write the averaged weights."""
    parser = argparse.ArgumentParser(prog="python -m research.local_pass.train", description=__doc__)
    parser.add_argument("--region", choices=tuple(REGIONS), required=True)
    parser.add_argument("--patches", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--start", type=Path, help="weights to begin with")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=3e-3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    region = REGIONS[options.region]
    frame = region_frame(LandmarkDetector.from_pretrained().checkpoint, region)
    source = PatchSource(region, options.patches, *frame, files=slice(_HELD_OUT, None), scan=SCAN)
    unseen = PatchSource(region, options.patches, *frame, files=slice(0, _HELD_OUT), scan=SCAN)
    network = StratifiedGCN(NetworkConfig(landmarks=len(region.labels), depth=DEPTH, channels=CHANNELS))
    if options.start:
        network.load_state_dict(torch.load(options.start, weights_only=True)["weights"])
    optimisers = make_optimisers(network, kind="muon", weight_decay=1e-4)
    average, sigma = WeightAverage(network, 0.997), SIGMA_MM / region.reach
    validation = [unseen.batch(10**6 + i, 8) for i in range(6)]
    started, step, running = time.monotonic(), 0, 0.0
    while (share := (time.monotonic() - started) / (60.0 * options.minutes)) < 1.0:
        # By time, since what a step costs depends on what else runs: constant, then linear to zero.
        rate = options.rate * min(1.0, (step + 1) / 60) * min(1.0, (1.0 - share) / 0.5)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        batch = source.batch(step, options.batch)
        truth = gaussian_heatmaps(batch.features[..., :3], batch.landmarks, sigma=sigma)
        predicted = network(batch.features, batch.neighbours, batch.members)
        truth = torch.where(batch.known[:, None], truth, predicted.detach())
        loss = adaptive_wing_loss(predicted, truth)
        network.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        average.update(network)
        step, running = step + 1, running + float(loss.detach())
        if step % 100 == 0:
            save(average, network, region, options.out)
            error = torch.cat([local_errors(averaged(average, network), one, region.reach) for one in validation])
            each = " ".join(
                f"{label}={value:.2f}" for label, value in zip(region.labels, error.nanmean(0).tolist(), strict=True)
            )
            known = error[~error.isnan()]
            print(
                f"step {step} min {(time.monotonic() - started) / 60:.1f} loss {running / 100:.3f} "
                f"mean {known.mean():.3f} median {known.median():.3f} {each}",
                flush=True,
            )
            running = 0.0
            source.refresh()
    save(average, network, region, options.out)


def averaged(average: WeightAverage, like: StratifiedGCN) -> StratifiedGCN:
    """A network with the averaged weights."""
    network = StratifiedGCN(like.config)
    network.load_state_dict(average.weights)
    return network.eval()


def save(average: WeightAverage, network: StratifiedGCN, region: LocalRegion, path: Path) -> None:
    """Weights with the network's shape."""
    state = {"region": region.name, "network": network.config.as_dict(), "weights": average.weights}
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


if __name__ == "__main__":
    main()
