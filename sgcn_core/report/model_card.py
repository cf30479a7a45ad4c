"""Model card of a user's own landmarks: what they were learnt from, and how large their errors are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgcn_core.report.page import Figure, Page, Section, render_page
from sgcn_core.report.svg import FAINT, INK, Drawing
from sgcn_core.report.tables import Cell, Column, Table

if TYPE_CHECKING:
    from sgcn_core.training.own.train import OwnTraining

FloatArray = NDArray[np.float64]

_WIDTH, _ROW, _LEFT, _RIGHT = 170.0, 6.0, 34.0, 8.0
_OURS, _BASELINE = "#1f5fa8", "#b06a1c"

_NOTE = (
    "Held-out errors: each scan was measured with a network that had not seen it. Transfer is the baseline: the mean "
    "place carried to the scan by the landmarks of the shipped network (thin-plate spline), put on the surface. Share: "
    "of the network in the position; 0 where the transfer is as good or better, which is then what the weights use."
)


def model_card(training: OwnTraining, *, title: str) -> str:
    """The card as one HTML file without scripts.

    Raises
    ------
    InstallationError
        jinja2 is not installed.
    """
    return render_page(card_page(training, title=title))


def card_page(training: OwnTraining, *, title: str) -> Page:
    """What the card shows."""
    validation, own, data = training.validation, training.own, training.data
    mean, transfer = float(np.nanmean(validation.stated)), float(np.nanmean(validation.transfer))
    verdict = (
        f"{len(own.labels)} landmarks from {len(data.scans)} scans: held-out mean error {mean:.2f} mm, "
        f"transfer alone {transfer:.2f} mm",
    )
    use = (
        "Research use, not a medical device. The errors hold for scans like those below: same scanner, same kind of "
        "people, same observer. Check a few scans of your own after every change of these.",
        "Pose and refusal of what is no face are those of the shipped network, whose landmarks are not reported.",
    )
    return Page(
        title=title,
        kind="Model card",
        verdict=verdict,
        doubtful=mean > transfer,
        sections=(
            Section(
                key="errors",
                title="Errors",
                text=use,
                figures=(Figure(caption="Mean held-out error of each landmark.", svg=_bars(training).markup()),),
                tables=(landmark_table(training),),
                notes=tuple(text for text in (_NOTE, baseline_text(training), bound_text(training)) if text),
            ),
            Section(key="data", title="Data", tables=(scan_table(training),), notes=left_out_notes(training)),
            Section(key="training", title="Training", facts=training_facts(training)),
        ),
    )


def landmark_table(training: OwnTraining) -> Table:
    """Errors of each landmark in cross-validation, and over all."""
    validation, own = training.validation, training.own
    rows: list[tuple[Cell, ...]] = []
    for number, label in enumerate(own.labels):
        stated = _told(validation.stated[:, number])
        rows.append(
            (
                label,
                len(stated),
                float(stated.mean()),
                float(np.median(stated)),
                float(stated.max()),
                float(np.nanmean(validation.head[:, number])),
                float(np.nanmean(validation.transfer[:, number])),
                float(own.share[number]),
                float(own.bound[number]),
                "transfer" if own.share[number] == 0 else "both" if own.share[number] < 1 else "network",
            )
        )
    stated = _told(validation.stated)
    whole = (float(stated.mean()), float(np.median(stated)), float(stated.max()))
    compared = (float(np.nanmean(validation.head)), float(np.nanmean(validation.transfer)))
    rows.append(("all", len(stated), *whole, *compared, None, None, ""))
    return Table(
        key="landmarks",
        title="Errors on held-out scans",
        columns=(
            Column(name="Landmark"),
            Column(name="Scans", decimals=0),
            Column(name="Mean", unit="mm", decimals=2),
            Column(name="Median", unit="mm", decimals=2),
            Column(name="Largest", unit="mm", decimals=1),
            Column(name="Network alone", unit="mm", decimals=2),
            Column(name="Transfer alone", unit="mm", decimals=2),
            Column(name="Share", decimals=2),
            Column(name="90 % bound", unit="mm", decimals=1),
            Column(name="Used"),
        ),
        rows=tuple(rows),
    )


def scan_table(training: OwnTraining) -> Table:
    """The scans, and the fold in which each was held out."""
    validation = training.validation
    rows = tuple(
        (scan.name, int(fold) + 1, len(scan.truth), float(np.nanmean(errors)) if scan.truth else None)
        for scan, fold, errors in zip(training.data.scans, validation.fold, validation.stated, strict=True)
    )
    columns = (
        Column(name="Scan"),
        Column(name="Fold", decimals=0),
        Column(name="Landmarks", decimals=0),
        Column(name="Mean held-out error", unit="mm", decimals=2),
    )
    return Table(key="scans", title="Scans", columns=columns, rows=rows)


def left_out_notes(training: OwnTraining) -> tuple[str, ...]:
    """What was not used, with the reasons."""
    return tuple(f"Left out: {name}: {reason}" for name, reason in training.data.left_out)


def baseline_text(training: OwnTraining) -> str:
    """Where the transfer is used, and where it was better although the network has a say; empty where nowhere."""
    validation, own = training.validation, training.own
    better = np.nanmean(validation.transfer, axis=0) < np.nanmean(validation.stated, axis=0)
    used = [label for label, share in zip(own.labels, own.share, strict=True) if share == 0]
    also = [label for label, share, it in zip(own.labels, own.share, better.tolist(), strict=True) if it and share > 0]
    texts = [f"The transfer alone is used for {', '.join(used)}: the network adds nothing there."] if used else []
    if also:
        texts.append(
            f"For {', '.join(also)} the transfer alone had the smaller mean error on held-out scans, where the share "
            "came from the other scans; over all scans and both sides of the face the share shown was best."
        )
    return " ".join(texts)


def bound_text(training: OwnTraining) -> str:
    """How the 90 % bound came about, and how often it holds."""
    validation, own = training.validation, training.own
    inside = validation.stated <= own.bound
    told = ~np.isnan(validation.stated)
    return (
        f"The 90 % bound rests on {int(told.sum())} held-out errors of {len(validation.names)} scans, pooled over the "
        "landmarks (conformal), and is never less than the 90 % quantile of the landmark's own. It holds for "
        f"{inside[told].mean():.0%} of the errors that it was made from; for new scans like these about 90 % are to be "
        "expected, less if they differ."
    )


def training_facts(training: OwnTraining) -> tuple[tuple[str, str], ...]:
    """Seed, versions and settings."""
    info = training.own.info
    options = info["options"]
    curve = ", ".join(f"{step}: {error:.2f}" for step, error in training.validation.curve)
    return (
        ("Seed", str(options["seed"])),
        ("Folds", str(int(training.validation.fold.max()) + 1)),
        ("Stopped after", f"{info['stop']} of {options['steps']} steps"),
        ("Held-out error of the network by step, mm", curve),
        ("Started from", f"weights {info['init_sha256'][:16] or 'not saved'}, sgcn_core {info['version']}"),
        ("Processor time", f"{training.processor_minutes:.1f} minutes"),
    )


def _bars(training: OwnTraining) -> Drawing:
    """A bar for each landmark, and a mark where the transfer alone is."""
    validation, labels = training.validation, training.own.labels
    ours = np.nanmean(validation.stated, axis=0)
    transfer = np.nanmean(validation.transfer, axis=0)
    most = float(np.ceil(max(ours.max(), transfer.max())))
    height = _ROW * len(labels) + 12.0
    drawing = Drawing(
        _WIDTH, height, title="Mean held-out errors", description=f"{len(labels)} landmarks, 0 to {most:g} mm"
    )
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    for tick in range(int(most) + 1):
        x = _LEFT + tick * scale
        drawing.line([(x, 0.0), (x, height - 10.0)], colour="#d8dade", width=0.2)
        drawing.text(f"{tick}", x, height - 7.0, anchor="middle", colour=FAINT)
    for row, label in enumerate(labels):
        y = _ROW * row + 1.2
        drawing.text(label, _LEFT - 2.0, y + 1.8, anchor="end", colour=INK)
        drawing.rect(_LEFT, y, max(scale * float(ours[row]), 0.2), _ROW - 2.4, fill=_OURS)
        drawing.diamond(_LEFT + scale * float(transfer[row]), y + 1.8, 1.5, fill=_BASELINE)
    drawing.text("mm; bar: as the weights place it, diamond: transfer alone", _LEFT, height - 2.0, colour=FAINT)
    return drawing


def _told(errors: FloatArray) -> FloatArray:
    told: FloatArray = errors[~np.isnan(errors)]
    return told
