"""`sgcn-landmarks prepare`: a dataset as graphs with landmarks, written once, for training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sgcn_core.batch import ExitCode
from sgcn_core.cli.console import end, note, progress_bar, reporting_errors, say
from sgcn_core.cli.options import Debug, Overwrite, Seed

Unit = Annotated[
    str | None,
    typer.Option(metavar="UNIT", help="Of the coordinates, instead of what is assumed: mm, cm, m, 7.3mm ..."),
]
SplitFile = Annotated[
    Path | None,
    typer.Option(
        "--split", metavar="FILE", help="Who is trained and tested on: a manifest, JSON or CSV; else 80 to 20."
    ),
]


def prepare(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="facescape, facescape-multiview, headspace, dad3dheads, bu3dfe, or folder (your scans).",
        ),
    ],
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="Folder of the dataset; its layout: docs/howto/datasets.md.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the graphs and their manifest.")],
    nodes: Annotated[int, typer.Option(min=16, metavar="N", help="Nodes of every graph.")] = 8000,
    neighbours: Annotated[
        int, typer.Option(min=2, metavar="K", help="Neighbours of every node, itself included.")
    ] = 16,
    crop: Annotated[
        str, typer.Option(metavar="[canonical|paper]", help="As detection sees a face, or as the paper has it.")
    ] = "canonical",
    split: SplitFile = None,
    unit: Unit = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Write the graphs of a dataset once, for training; goes on where it was interrupted."""
    with reporting_errors(debug=debug), progress_bar(1) as start:
        from sgcn_core.datasets.cases import Settings
        from sgcn_core.datasets.catalogue import open_dataset
        from sgcn_core.datasets.prepare import prepare_dataset
        from sgcn_core.datasets.splits import read_split, split_subjects

        advance = start(0, name)
        settings = Settings(nodes=nodes, neighbours=neighbours, crop=crop, seed=seed)
        dataset = open_dataset(name, root, unit=unit)
        people = [sample.subject for sample in dataset.samples]
        chosen = split_subjects(people, seed=seed) if split is None else read_split(split)
        if out_of_both := {subject for subject in people if chosen.part_of(subject) is None}:
            note(f"note: {len(out_of_both)} subjects are in no part of the split and are left out")
        done = prepare_dataset(dataset, out, chosen, settings, overwrite=overwrite, report=advance)
        for key, reason in list(done.failed.items())[:20]:
            note(f"warning: {key}: {reason}")
        say(
            f"{dataset.title}: {done.made} faces prepared, {done.kept} were there, {len(done.failed)} failed. "
            f"Split: {chosen.rule}. {done.manifest}"
        )
    raise end(ExitCode.SOME_FAILED if done.failed else ExitCode.OK)
