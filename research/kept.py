"""What some weights found, kept in a file: the file tells which weights, and is refused with others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

ENTRY = "weights"
"""Name of the hash in the file."""


def network_hash(network: nn.Module) -> str:
    """SHA-256 of a network's tensors: the same for weights files that differ in all but the network."""
    digest = hashlib.sha256()
    for name, values in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(values.shape)} {values.dtype}".encode())
        digest.update(values.cpu().numpy().tobytes())
    return digest.hexdigest()


def check_weights(path: Path, stored: Mapping[str, Any], weights: str) -> None:
    """End the command if ``stored``, read from ``path``, does not hold what the weights of this hash found."""
    there = str(stored[ENTRY]) if ENTRY in stored else None
    if there == weights:
        return
    whose = f"is of other weights ({there[:16]})" if there else "does not tell which weights found what it holds"
    raise SystemExit(f"{path} {whose}, wanted are {weights[:16]}; delete it, or name another one: it is made anew")
