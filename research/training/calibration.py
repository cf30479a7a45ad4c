"""Calibrate the trust in landmarks: ``python -m research.training.calibration --weights IN --out OUT ...``.

Scans of generated people whom training never showed go through the detector's passes; on two thirds of them the error
model is fitted, on the others it is measured. With ``--features`` the detections are kept, so that the fit can be
repeated in seconds; those of another network are refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from research.synthesis.alignment import aligned
from research.synthesis.effect_mask import EffectMask
from research.synthesis.face_model import CLINICAL_VERTICES, FaceModel
from research.synthesis.generated_scan import ScanMaker
from research.synthesis.generator import FaceGenerator, GeneratorOptions
from research.synthesis.makehuman import MakeHuman
from research.synthesis.partial_scan import PartMaker
from research.synthesis.random_tensors import Draw
from research.training.annotated_scans import AnnotatedScan, annotated_scans, as_calibration_data
from research.training.calibration_data import CalibrationData, collect
from research.training.calibration_report import calibration_figures, reliability_rows
from research.training.domain_fit import DomainSamples, fit_domain
from research.training.error_model_fit import fit_error_model
from sgcn_core.detector import LandmarkDetector
from sgcn_core.pipeline import Pipeline
from sgcn_core.refinement.modes import MODES
from sgcn_core.refinement.shape_model import LandmarkShape
from sgcn_core.training.validation import mean_errors
from sgcn_core.types.landmarks import CONFIDENT_WITHIN_MM
from sgcn_core.uncertainty.calibration import Calibration
from sgcn_core.uncertainty.error_model import ErrorModel
from sgcn_core.weights.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

_MODES, _PEOPLE, _BATCH = 60, 1600, 16
# Faces on which the precision of the network is measured, three at a time, of a stream that training never draws.
_FOUND_ON, _STREAM = 120, 5
# Seeds of the people of whom a part is scanned begin here.
_PARTS_SEED = 6000
# Median length of a vector of three standard normal numbers.
_MEDIAN_LENGTH = 1.538


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m research.training.calibration", description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="weights to calibrate (safetensors)")
    parser.add_argument("--half", action="store_true", help="round the network to half precision first: half the file")
    parser.add_argument("--model", type=Path, help="ict_facekit.npz; not needed with --keep-models")
    parser.add_argument("--clinical", type=Path, default=CLINICAL_VERTICES, help="JSON: clinical label -> vertex")
    parser.add_argument("--makehuman", type=Path, help="folder of MakeHuman's data: one scan in four shows its people")
    parser.add_argument("--scans", type=int, default=240, help="generated scans to detect on")
    parser.add_argument("--parts", type=int, default=120, help="generated scans besides, of parts of faces")
    parser.add_argument("--parts-features", type=Path, help="detections on them (.npz): used or written, as --features")
    parser.add_argument("--kept-scans", type=Path, help="folder in which generated scans are kept for other weights")
    parser.add_argument("--seed", type=int, default=0, help="of the scans")
    parser.add_argument("--features", type=Path, help="detections (.npz): used where the file is there, else written")
    parser.add_argument("--keep-models", action="store_true", help="fit the domain only")
    parser.add_argument("--annotated", type=Path, nargs="*", default=[], help="folders of annotated real scans")
    parser.add_argument("--out", type=Path, help="write the weights with their calibration here")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Collect, fit, report and store."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    console = Console(width=120, highlight=False)
    checkpoint = load_checkpoint(options.weights)
    if options.half:
        checkpoint = replace(checkpoint, network=checkpoint.network.half().float())
    if options.keep_models:
        kept = checkpoint.calibration
        if kept is None:
            raise SystemExit(f"{options.weights} holds no calibration to keep; leave --keep-models out")
        shape, models, info = kept.shape, dict(kept.models), dict(kept.info)
    else:
        if options.model is None:
            raise SystemExit("--model is needed: the face model that people are generated from")
        shape, models, info = fit_models(checkpoint, options, console)
    calibrated = replace(checkpoint, calibration=Calibration(shape, models, info))
    if options.annotated:
        domains = fit_domains(calibrated, options, console)
        models, info = {**models, **domains}, {**info, "domain": domain_record(options, domains)}
    if options.out is not None:
        save_checkpoint(replace(checkpoint, calibration=Calibration(shape, models, info)), options.out)


def fit_models(
    checkpoint: Checkpoint, options: argparse.Namespace, console: Console
) -> tuple[LandmarkShape, dict[str, ErrorModel], dict[str, Any]]:
    """Shape statistics, error models by refinement mode, and what they were fitted on."""
    model = FaceModel.load(options.model, options.clinical)
    shape = fit_shape(checkpoint, model)
    with_shape = replace(checkpoint, calibration=Calibration(shape))
    kept = options.kept_scans
    makers = scan_makers(model, options.makehuman, options.seed)
    data = detections(with_shape, makers, options.scans, console, cache=options.features, kept=kept)
    cutters = [PartMaker(maker) for maker in scan_makers(model, options.makehuman, options.seed + _PARTS_SEED)]
    parts = detections(
        with_shape, cutters, options.parts, console, cache=options.parts_features, kept=kept, pose_confidence=1.0
    )
    shown = {"scans": data.part(data.number % 3 == 2), "parts of faces": parts.part(parts.number % 3 == 2)}
    fitted_on = data.part(data.number % 3 != 2).joined(parts.part(parts.number % 3 != 2))
    models: dict[str, ErrorModel] = {}
    measured: dict[str, dict[str, Any]] = {}
    for mode in map(str, data.modes):
        fitted = Calibration(shape, {mode: fit_error_model(fitted_on.of_mode(mode))})
        models[mode] = fitted.symmetric(checkpoint.labels).models[mode]
        measured[mode] = {}
        for what, rest in shown.items():
            measured[mode][what] = calibration_figures(models[mode], rest.of_mode(mode))
            console.print(f"\nRefinement mode {mode}, {what}\n")
            print_report(console, measured[mode][what], reliability_rows(models[mode], rest.of_mode(mode)))
    return shape, models, {"seed": options.seed, "fitted_on": len(fitted_on.number), "measured": measured}


def detections(
    checkpoint: Checkpoint,
    makers: Sequence[ScanMaker | PartMaker],
    scans: int,
    console: Console,
    *,
    cache: Path | None = None,
    kept: Path | None = None,
    pose_confidence: float | None = None,
) -> CalibrationData:
    """Detections on generated scans in all refinement modes, from the cache where it is there: of the same network."""
    if cache is not None and cache.exists():
        return CalibrationData.load(cache, checkpoint.network)
    with console.status("detecting") as status:
        data = collect(
            Pipeline(checkpoint, checkpoint.method, torch.device("cpu")),
            makers,
            tuple(MODES),
            scans,
            kept=kept,
            pose_confidence=pose_confidence,
            report=lambda number: status.update(f"scan {number + 1} of {scans}"),
        )
    if cache is not None:
        data.save(cache, checkpoint.network)
    return data


def fit_domains(checkpoint: Checkpoint, options: argparse.Namespace, console: Console) -> dict[str, ErrorModel]:
    """The error models with their domains, by refinement mode."""
    assert checkpoint.calibration is not None
    models, detector = checkpoint.calibration.models, LandmarkDetector(checkpoint)
    real = list(annotated_scans(detector, options.annotated))
    if not real:
        raise SystemExit(f"no annotated scan of a face in {', '.join(map(str, options.annotated))}")
    annotators = numbered(real)
    data = as_calibration_data(detector.pipeline, real, tuple(models))
    fitted = {}
    for mode, model in models.items():
        samples = DomainSamples.of(model, [(data.of_mode(mode), annotators)])
        fitted[mode] = fit_domain(model, samples, checkpoint.labels)
        domain = fitted[mode].domain
        assert domain is not None
        for number, group in enumerate(("well-defined", "loosely defined")):
            console.print(
                f"mode {mode}, {group}: domain {domain.deviation[number]:.2f} mm along one axis, "
                f"factor on the bound {domain.factor[number]:.2f}"
            )
    return fitted


def numbered(scans: list[AnnotatedScan]) -> list[int]:
    """A number for the annotator of each scan."""
    names = sorted({scan.annotator for scan in scans})
    return [names.index(scan.annotator) for scan in scans]


def domain_record(options: argparse.Namespace, models: Mapping[str, ErrorModel]) -> dict[str, Any]:
    """What the domains were fitted on, for the weights file."""
    return {"annotated": [folder.name for folder in options.annotated], "modes": list(models)}


def scan_makers(model: FaceModel, makehuman: Path | None, seed: int) -> list[ScanMaker]:
    """Who makes the scans in turn; the second population has seeds of its own."""
    maker = ScanMaker(model, seed=seed)
    return [maker] if makehuman is None else [maker] * 3 + [ScanMaker(MakeHuman.load(makehuman), seed=seed + 1000)]


def fit_shape(checkpoint: Checkpoint, model: FaceModel) -> LandmarkShape:
    """Statistics of generated people's landmarks, normalised, aligned to the checkpoint's prototype."""
    centre, radius = np.array(checkpoint.crop_centre), checkpoint.crop_radius
    target = torch.from_numpy(checkpoint.prototype * radius + centre).to(model.neutral)
    generator = FaceGenerator(model, pools=4, nodes=8000, prototype=target)
    finding = finding_errors(checkpoint, generator)
    source = generator.with_options(GeneratorOptions(effects=None, scan=None, quiet=0.0))
    draw = Draw(torch.Generator().manual_seed(0))
    drawn = [source.people(draw, EffectMask(draw, _BATCH))[1] for _ in range(_PEOPLE // _BATCH)]
    people = torch.cat([aligned(landmarks, landmarks, target)[0] for landmarks in drawn]).double().numpy()
    return LandmarkShape.fit((people - centre) / radius, modes=_MODES, finding=finding)


def finding_errors(checkpoint: Checkpoint, generator: FaceGenerator) -> np.ndarray:
    """Standard deviation (L,) per coordinate with which the network finds landmarks, normalised; from medians."""
    errors = []
    for step in range(_FOUND_ON // 3):
        batch = generator.batch(step, 3, stream=_STREAM)
        errors.append(mean_errors(checkpoint.network, batch) / batch.millimetres[:, None])
    median = torch.cat(errors).nanmedian(0).values / _MEDIAN_LENGTH
    return median.double().numpy()


def print_report(console: Console, figures: dict[str, Any], rows: list[dict[str, float]]) -> None:
    """Figures and reliability as Markdown."""
    for name, value in figures.items():
        console.print(f"- {name}: {value:.3f}" if isinstance(value, float) else f"- {name}: {value}")
    console.print(f"\n| confidence | landmarks | stated within {CONFIDENT_WITHIN_MM:g} mm | so | stated mm | mean mm |")
    console.print("|---|---|---|---|---|---|")
    for row in rows:
        console.print(
            f"| {row['confidence_from']:.1f}-{row['confidence_from'] + 0.1:.1f} | {row['landmarks']} "
            f"| {row['stated']:.2f} | {row['so']:.2f} | {row['stated_mm']:.2f} | {row['mean_mm']:.2f} |"
        )


if __name__ == "__main__":
    main()
