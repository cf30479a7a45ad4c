"""Coverage-guided fuzzing of the file readers with Atheris (libFuzzer); findings are printed, and the run goes on.

    pip install atheris
    python research/robustness/fuzz_readers.py --minutes 15 --seed 0

The first byte of an input chooses the format, the rest is the file. Half of the mutations are libFuzzer's own, half
those of the corrupted-files campaign, which know numbers in headers. A finding is any exception but an error of ours
naming the file, a refusal for want of memory, or a reading that takes the processor more than 10 s; a crash of the
process, or more than 1.5 GB, ends the run with libFuzzer's report.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(
    include=["sgcn_core.io", "sgcn_core.types.surface", "sgcn_core.types.landmarks", "sgcn_core.types.volume"]
):
    import sgcn_core.io.dicom
    import sgcn_core.io.markups
    import sgcn_core.io.meshes
    import sgcn_core.io.volumes  # noqa: F401
from research.robustness.damage import GENERAL, SPECIAL
from research.robustness.damage_child import outcome_of, read, validate
from research.robustness.damage_seeds import Sample, whole_samples
from sgcn_core.errors import SgcnError
from sgcn_core.io import isolated

_SLOW_SECONDS = 10.0
_MOST_BYTES = 20_000
_COSTLY = ("bomb", "long_line", "nested", "inflated")  # megabytes; the other campaign has them


class Fuzzer:
    """Reads inputs and keeps what it finds, once for each place in the code."""

    def __init__(self, folder: Path, samples: list[Sample]) -> None:
        self.samples = samples
        self.places = [folder / str(number) for number in range(len(samples))]
        for place, sample in zip(self.places, samples, strict=True):
            place.mkdir()
            for name, content in sample.files.items():
                (place / name).write_bytes(content)
        self.findings: Counter[str] = Counter()
        self.runs, self.readable, self.slowest = 0, 0, 0.0

    def __call__(self, data: bytes) -> None:
        if len(data) < 1:
            return
        number = data[0] % len(self.samples)
        path = self.places[number] / self.samples[number].main
        path.write_bytes(data[1:])
        began = time.process_time()
        finding = self._finding(self.samples[number].kind, path)
        seconds = time.process_time() - began
        self.runs, self.slowest = self.runs + 1, max(self.slowest, seconds)
        if seconds > _SLOW_SECONDS:
            finding = f"slow: {seconds:.0f} s"
        if finding:
            key = f"{self.samples[number].note}: {finding}"
            self.findings[key] += 1
            if self.findings[key] == 1:
                sys.stdout.write(f"FINDING {key}\n  input {data[:4000]!r} ({len(data)} bytes)\n")
                sys.stdout.flush()

    def _finding(self, kind: str, path: Path) -> str:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", RuntimeWarning)
                validate(read(kind, path))
            self.readable += 1
        except SgcnError as error:
            outcome, message = outcome_of(error, path)
            return "" if outcome == "refused" else message[:200]
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}: {error}"[:300]
        return ""


def mutate(data: bytes, max_size: int, seed: int, *, samples: list[Sample]) -> bytes:
    """Half libFuzzer's own mutations, half the campaign's."""
    draw = np.random.default_rng(seed)
    if len(data) < 2 or draw.random() < 0.5:
        return bytes(atheris.Mutate(data, max_size))
    suffix = samples[data[0] % len(samples)].suffix
    ways = [way for way in (*GENERAL, *SPECIAL.get(suffix, ())) if way.__name__ not in _COSTLY]
    return data[:1] + ways[int(draw.integers(len(ways)))](data[1:], draw)[: max_size - 1]


def main() -> None:
    """Fuzz for the given time, then print what was run and found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    isolated.READ_SECONDS = 5.0  # VTK and ITK are fuzzed through the process that they run in, without coverage
    samples = [sample for sample in whole_samples() if sample.main]
    with tempfile.TemporaryDirectory(prefix="sgcn-fuzz-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, sample in enumerate(samples):
            (corpus / str(number)).write_bytes(bytes([number]) + sample.files[sample.main])
        work = Path(folder) / "work"
        work.mkdir()
        fuzzer = Fuzzer(work, samples)
        began, limit = time.monotonic(), 60 * arguments.minutes

        def once(data: bytes) -> None:
            if time.monotonic() - began > limit:
                _report(fuzzer, time.monotonic() - began)
            fuzzer(data)

        options = [f"-seed={arguments.seed + 1}", f"-max_len={_MOST_BYTES}", "-timeout=60", "-rss_limit_mb=1500"]
        atheris.Setup(
            [sys.argv[0], *options, "-verbosity=0", str(corpus)],
            once,
            custom_mutator=lambda data, size, seed: mutate(data, size, seed, samples=samples),
        )
        atheris.Fuzz()


def _report(fuzzer: Fuzzer, seconds: float) -> None:
    sys.stdout.write(
        f"{fuzzer.runs} inputs in {seconds / 60:.1f} min ({fuzzer.readable} readable, slowest {fuzzer.slowest:.1f} s): "
        f"{len(fuzzer.findings)} findings\n"
    )
    for finding, count in fuzzer.findings.most_common():
        sys.stdout.write(f"  {count} x {finding}\n")
    sys.stdout.flush()
    os._exit(1 if fuzzer.findings else 0)  # libFuzzer has no way to stop from within


if __name__ == "__main__":
    main()
