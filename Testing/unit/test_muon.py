"""Muon with its matrices taken together, against torch's own."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from sgcn_core.training.muon import BatchedMuon, orthogonalised

SHAPES = [(8, 8), (8, 16), (16, 8), (8, 8)]
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def pair() -> tuple[torch.optim.Muon, BatchedMuon]:
    """torch's optimiser and ours, of weights that are alike."""
    torch.manual_seed(0)
    start = [torch.randn(shape) for shape in SHAPES]
    reference = [torch.nn.Parameter(weight.clone()) for weight in start]
    ours = [torch.nn.Parameter(weight.clone()) for weight in start]
    options = {"lr": 0.01, "weight_decay": 0.1}
    return torch.optim.Muon(reference, adjust_lr_fn="match_rms_adamw", **options), BatchedMuon(ours, **options)


def steps(optimiser: torch.optim.Optimizer, *, seed: int, count: int = 3) -> list[torch.Tensor]:
    """The weights after some steps with random gradients."""
    generator = torch.Generator().manual_seed(seed)
    weights = optimiser.param_groups[0]["params"]
    for _ in range(count):
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=generator)
        optimiser.step()
    return [weight.detach().clone() for weight in weights]


def assert_same_way(found: list[torch.Tensor], expected: list[torch.Tensor], start: list[torch.Tensor]) -> None:
    """From start to the same place, but for bfloat16, to which torch rounds each direction: three digits."""
    for ours, theirs, before in zip(found, expected, start, strict=True):
        assert float((ours - theirs).norm()) < 0.05 * float((theirs - before).norm())


def test_the_steps_are_those_of_torch() -> None:
    reference, ours = pair()
    start = [weight.detach().clone() for weight in ours.param_groups[0]["params"]]
    assert_same_way(steps(ours, seed=1), steps(reference, seed=1), start)


def test_a_state_of_torch_is_gone_on_from() -> None:
    reference, ours = pair()
    start = steps(reference, seed=1)
    ours.load_state_dict(deepcopy(reference.state_dict()))  # the tensors of a state are its optimiser's own
    for weight, other in zip(ours.param_groups[0]["params"], start, strict=True):
        weight.data.copy_(other)
    assert_same_way(steps(ours, seed=2), steps(reference, seed=2), start)


def test_a_weight_without_a_gradient_stays() -> None:
    _, ours = pair()
    still, *others = ours.param_groups[0]["params"]
    before = still.detach().clone()
    for weight in others:
        weight.grad = torch.ones_like(weight)
    ours.step()
    assert torch.equal(still, before)


@pytest.mark.parametrize("shape", [(3, 12, 12), (3, 12, 30), (3, 30, 12)])
def test_singular_values_come_near_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, before, right = torch.linalg.svd(matrices, full_matrices=False)
    found = left.mT @ orthogonalised(matrices, COEFFICIENTS, steps=5) @ right.mT
    values = found.diagonal(dim1=1, dim2=2)
    large = before > 0.1 * before.amax(1, keepdim=True)
    assert float(values[large].min()) > 0.5
    assert float(values.max()) < 1.5
    torch.testing.assert_close(found, torch.diag_embed(values), rtol=0.0, atol=1e-4)


def test_a_closure_is_turned_away() -> None:
    with pytest.raises(ValueError, match="without a closure"):
        pair()[1].step(lambda: 0.0)
