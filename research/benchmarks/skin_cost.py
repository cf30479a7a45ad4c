"""Time and peak memory of reading a volume and extracting its skin, in a process of its own."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from research.benchmarks.fresh_process import measured_in_subprocess
from research.benchmarks.peak_memory import peak_memory
from sgcn_core.types.volume import Volume


def skin_cost(volume: Volume) -> dict[str, Any]:
    """What `sgcn-landmarks skin` costs for a volume.

    Returns
    -------
    dict
        "seconds", "processor_seconds", "peak_mb" (None where the system does not report it), "triangles".

    Raises
    ------
    RuntimeError
        The process that measures failed; its last line.
    """
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(volume.array)
    image.SetSpacing(volume.spacing.tolist())
    image.SetOrigin(volume.origin.tolist())
    image.SetDirection(volume.direction.ravel().tolist())
    with tempfile.TemporaryDirectory(prefix="sgcn-skin-") as folder:
        path = Path(folder) / "head.mha"
        sitk.WriteImage(image, str(path), useCompression=False)
        return measured_in_subprocess("research.benchmarks.skin_cost", str(path))


def _measured(path: Path) -> dict[str, Any]:
    from sgcn_core.io.volumes import read_volume
    from sgcn_core.skin.extract import extract_skin

    began = time.perf_counter()
    skin = extract_skin(read_volume(path))
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time(),
        "peak_mb": peak_memory(),
        "triangles": len(skin.surface.faces),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measured(Path(sys.argv[1]))) + "\n")
