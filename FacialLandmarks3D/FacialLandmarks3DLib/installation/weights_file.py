"""Whether the weights file is whole, without loading it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

_LONGEST_HEADER = 100 << 20


@dataclass(frozen=True)
class WeightsFile:
    """What is known of a weights file.

    Attributes
    ----------
    path : Path
    size : int, bytes
    sha256 : str, of the whole file
    fault : str, empty where the file is whole
    """

    path: Path
    size: int
    sha256: str
    fault: str

    def __str__(self) -> str:
        state = f"damaged: {self.fault}" if self.fault else "whole"
        return f"{self.path} ({self.size} bytes, sha256 {self.sha256}, {state})"


def look_at_weights(path: Path) -> WeightsFile:
    """Size, checksum and state of a weights file; OSError where it cannot be read."""
    content = path.read_bytes()
    return WeightsFile(path, len(content), hashlib.sha256(content).hexdigest(), _fault(content))


def _fault(content: bytes) -> str:
    """What is wrong with the layout of a safetensors file (https://github.com/huggingface/safetensors#format)."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(len(content) - 8, _LONGEST_HEADER):
        return "cut short, or no safetensors file"
    try:
        header = json.loads(content[8 : 8 + length])
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    except (ValueError, LookupError, TypeError, AttributeError):
        return "its header cannot be read"
    expected = 8 + length + max(ends, default=0)
    return "" if len(content) == expected else f"{expected} bytes are expected"
