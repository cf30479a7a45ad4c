"""``python -m research.training.pose``: train the network that votes for the head's pose."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor
from torch.nn import functional as F

from research.synthesis.face_model import FaceModel
from research.synthesis.negatives import negative
from research.training.calibration import scan_makers
from research.training.pose_data import FACE, Examples, Probe, about_normal, example_sets, stored_probe
from sgcn_core.pose.network import PoseNetwork, orthonormal
from sgcn_core.pose.patches import ANGLES
from sgcn_core.pose.probe import probe_surface

_BATCH = 256
_RATE, _DECAY = 2e-3, 1e-2
_POSE_WEIGHT = 2.0  # of the loss of what is predicted at the angle, against the entropy of the angle
_HELD_OUT = 10  # every tenth probe is for validation


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m research.training.pose", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="ict_facekit.npz")
    parser.add_argument("--makehuman", type=Path, help="folder of the MakeHuman base mesh and targets")
    parser.add_argument("--probes", type=Path, required=True, help="folder in which probes of generated scans are kept")
    parser.add_argument("--scans", type=int, default=1200)
    parser.add_argument("--others", type=int, default=300, help="negatives")
    parser.add_argument("--variants", type=int, default=2, help="of every scan: thinned, cut, resized in another way")
    parser.add_argument("--patches", type=int, default=60, help="of every variant")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=500, help="of the scans; evaluation uses others")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="weights, .safetensors")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Collect the probes, train, report and store."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    console = Console(width=120, highlight=False)
    probes = [*_scans(options), *_others(options)]
    held_out = [probe for number, probe in enumerate(probes) if number % _HELD_OUT == 0]
    learnt = [probe for number, probe in enumerate(probes) if number % _HELD_OUT != 0]
    console.print(f"{len(learnt)} probes to learn from, {len(held_out)} to validate with")
    training = Examples.together(example_sets(learnt * options.variants, patches=options.patches, seed=options.seed))
    validation = Examples.together(example_sets(held_out, patches=options.patches, seed=options.seed + 1))
    console.print(f"{len(training)} and {len(validation)} patches")
    network = PoseNetwork()
    for step, loss in _train(network, training, options.steps):
        if step % 250 == 0 or step == options.steps:
            figures = " ".join(f"{name} {value:.3f}" for name, value in measured(network, validation).items())
            console.print(f"{time.strftime('%H:%M:%S')} step {step} loss {loss:.3f} {figures}")
            save_pose_network(network, options.out)


def _scans(options: argparse.Namespace) -> Iterator[Probe]:
    makers = scan_makers(FaceModel.load(options.model), options.makehuman, options.seed)
    for number in range(options.scans):
        probe = stored_probe(makers[number % len(makers)], number, options.probes)
        if probe is not None:
            yield probe


def _others(options: argparse.Namespace) -> Iterator[Probe]:
    for number in range(options.others):
        surface = negative(number, seed=options.seed).surface
        seen = probe_surface(surface.vertices, surface.faces, count=7000, seed=number)
        yield Probe(seen.points, seen.normals, None)


def _train(network: PoseNetwork, training: Examples, steps: int) -> Iterator[tuple[int, float]]:
    """Steps done, and the loss averaged over about the last hundred."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps, pct_start=0.05)
    network.train()
    mean = float("nan")
    for step in range(1, steps + 1):
        batch = training.take(torch.randint(len(training), (_BATCH,)))
        loss = _loss(network, batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        mean = loss.item() if np.isnan(mean) else 0.99 * mean + 0.01 * loss.item()
        yield step, mean


def _loss(network: PoseNetwork, batch: Examples) -> Tensor:
    """Cross entropy over the angles and "no face", and what is predicted at the two angles beside the true one."""
    logits, predicted = network(batch.images.float())
    angles, weights, wanted = batch.at_angles()
    face = batch.state == FACE
    goal = torch.zeros_like(logits).scatter_add_(1, angles, weights) * face[:, None]
    goal[:, ANGLES] = (~face).float()
    entropy = -(goal * F.log_softmax(logits, dim=1)).sum(1).mean()
    at = predicted.gather(1, angles[..., None].expand(-1, -1, predicted.shape[2]))
    off = F.smooth_l1_loss(at, wanted, reduction="none", beta=0.2).sum(2)
    return entropy + _POSE_WEIGHT * ((weights * off).sum(1) * face).sum() / face.sum().clamp(min=1)


@torch.inference_mode()
def measured(network: PoseNetwork, examples: Examples) -> dict[str, float]:
    """Of the patches on faces: share recognised, and of their best angles errors of turn (degrees), place (mm), size.

    ``false``: share of the other patches taken for a face.
    """
    network.eval()
    found = [network.vote(images.float()) for images in examples.images.split(1024)]
    share = torch.cat([part.share for part in found])
    best = share.argmax(1)
    rows = torch.arange(len(best))
    place = torch.cat([part.place for part in found])[rows, best]
    axes = torch.cat([part.axes for part in found])[rows, best]
    size = torch.cat([part.log_size for part in found])[rows, best]
    turn = about_normal(best * (2.0 * torch.pi / ANGLES))
    axes, place = turn @ axes, (turn @ place[..., None])[..., 0]
    traces = (axes * orthonormal(torch.cat([examples.axes[..., 0], examples.axes[..., 1]], 1))).sum((1, 2))
    off = torch.rad2deg(torch.acos(((traces - 1.0) / 2.0).clamp(-1.0, 1.0)))
    face = examples.state == FACE
    seen = face & (share.sum(1) > 0.5)
    network.train()
    return {
        "recognised": (seen.sum() / face.sum()).item(),
        "false": ((share.sum(1) > 0.5) & ~face).sum().item() / max(int((~face).sum()), 1),
        "turn": off[seen].median().item(),
        "turn<25": (off[seen] < 25.0).float().mean().item(),
        "place": (place - examples.place).norm(dim=1)[seen].median().item(),
        "size": (size - examples.log_size).abs()[seen].median().item(),
    }


def save_pose_network(network: PoseNetwork, path: Path) -> None:
    """Write the weights as safetensors, in one piece."""
    from safetensors.torch import save

    part = path.with_suffix(".part")
    part.write_bytes(save({name: value.half() for name, value in network.state_dict().items()}))
    part.replace(path)


if __name__ == "__main__":
    main()
