"""`sgcn-landmarks morphometrics`: shapes of a cohort, and files for other programs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgcn_core.batch import ExitCode, PlanError, check_outputs, describe
from sgcn_core.cli.console import end, note, print_json, reporting_errors, say, usage_errors
from sgcn_core.cli.options import Debug, Json, Overwrite, one_of
from sgcn_core.errors import FileFormatError, LandmarkError
from sgcn_core.types.landmark_sets import LANDMARK_SETS
from sgcn_core.types.units import UNITS_TO_MM, checked_unit

if TYPE_CHECKING:
    from sgcn_core.morphometrics.cases import Inputs
    from sgcn_core.morphometrics.configurations import Configurations
    from sgcn_core.morphometrics.page import Told
    from sgcn_core.morphometrics.write import Outputs
    from sgcn_core.types.landmarks import LandmarkResult

_FORMATS = ("tps", "nts", "morphologika", "morphoj", "csv")
_MISSING = ("error", "drop-landmarks", "drop-cases")


def morphometrics(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Landmark files, folders of them (searched recursively), or the folder of a batch.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of tables, page, exports.")],
    landmark_set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar=one_of(LANDMARK_SETS), help="Landmarks to use; by default those of all cases."),
    ] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="LABEL", help="Landmark to use. May be repeated.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="LABEL", help="Landmark to leave out. May be repeated.")
    ] = None,
    uncertain: Annotated[
        bool, typer.Option("--uncertain/--no-uncertain", help="Whether uncertain landmarks count as placed.")
    ] = True,
    missing: Annotated[
        str, typer.Option(metavar=one_of(_MISSING), help="What to do where landmarks are missing.")
    ] = "error",
    scale: Annotated[bool, typer.Option("--scale/--no-scale", help="Take size out, or leave it in the shapes.")] = True,
    components: Annotated[int, typer.Option(min=1, metavar="N", help="Components to draw.")] = 4,
    symmetry: Annotated[
        bool, typer.Option("--symmetry", help="Separate symmetric variation from asymmetry (right and left pairs).")
    ] = False,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar=one_of(_FORMATS), help="Export for other programs. May be repeated."),
    ] = None,
    export_missing: Annotated[
        bool, typer.Option("--export-missing", help="Exports (nts, csv) hold all cases; missing landmarks are coded.")
    ] = False,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare every case with this reference instead.")
    ] = None,
    save_reference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save mean and covariance of the cohort (.json).")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar=one_of(UNITS_TO_MM), help="Unit of files that do not state theirs.")
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Of the page.")] = None,
    date: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Date on the page; by default today's. Empty for none.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Align the landmarks of a cohort (Procrustes) and describe size and shape: mean, principal components, exports.

    Missing landmarks are never filled in, and no case is mirrored.
    """
    with usage_errors():
        from sgcn_core.morphometrics.cases import find_cases, labels_of

        if reference is not None and save_reference is not None:
            raise PlanError("give --reference or --save-reference, not both")
        if reference is not None and (symmetry or missing != "error" or export_missing):
            raise PlanError("--symmetry, --missing and --export-missing belong to a cohort, not to --reference")
        if unit is not None:
            unit = checked_unit(unit)
        options = _Options(
            labels_of(landmark_set or (), label or ()),
            tuple(without or ()),
            uncertain,
            missing,
            scale,
            components,
            symmetry,
            tuple(formats or ()),
            export_missing,
            title or ("Comparison with a reference" if reference else "Shapes of a cohort"),
            datetime.date.today().isoformat() if date is None else date,
        )
        outputs = _outputs(output, options, reference, save_reference, overwrite=overwrite)
    with reporting_errors(debug=debug):
        found = find_cases(inputs)
        with usage_errors():
            read = [each.path for each in found.files] + ([reference] if reference else [])
            check_outputs(outputs.paths, read)
        cases, failed = _read(found, unit)
        if reference is not None:
            failed = _compare(cases, failed, reference, options, outputs)
        else:
            _describe(cases, failed, save_reference, options, outputs)
        code = ExitCode.SOME_FAILED if failed else ExitCode.OK
        if as_json:
            print_json(
                {"exit_code": int(code), "written": [str(path) for path in outputs.written], "failed": dict(failed)}
            )
        else:
            for path in outputs.written:
                say(str(path))
    raise end(code)


@dataclass(frozen=True)
class _Options:
    labels: tuple[str, ...] | None
    without: tuple[str, ...]
    uncertain: bool
    missing: str
    scale: bool
    components: int
    symmetry: bool
    formats: tuple[str, ...]
    export_missing: bool
    title: str
    date: str


def _outputs(
    folder: Path, options: _Options, reference: Path | None, save_reference: Path | None, *, overwrite: bool
) -> Outputs:
    from sgcn_core.morphometrics.configurations import MISSING
    from sgcn_core.morphometrics.write import COHORT_FILES, COMPARISON_FILES, SYMMETRY_FILES, Outputs, export_names
    from sgcn_core.report.requirements import require

    if options.missing not in MISSING:
        raise PlanError(f"--missing must be one of {', '.join(MISSING)}; received {options.missing!r}")
    if folder.exists() and not folder.is_dir():
        raise PlanError(f"{folder} is a file; name a folder with -o")
    require("jinja2")
    tables = COMPARISON_FILES if reference else (*COHORT_FILES, *(SYMMETRY_FILES if options.symmetry else ()))
    names = [*tables, *export_names(options.formats)]
    return Outputs(folder, names, also=[save_reference] if save_reference else [], overwrite=overwrite)


def _read(found: Inputs, unit: str | None) -> tuple[list[tuple[str, LandmarkResult]], dict[str, str]]:
    """The cases, and why the others are not among them."""
    from sgcn_core.morphometrics.cases import read_case

    cases, failed = [], {name: "the batch has no landmarks of it" for name in found.without}
    for file in found.files:
        try:
            cases.append((file.name, read_case(file, unit=unit)))
        except FileFormatError as error:
            if file.named:
                raise
            failed[file.name] = describe(error)
    for name, why in failed.items():
        note(f"warning: {name} is left out: {why}")
    return cases, failed


def _configurations(
    cases: Sequence[tuple[str, LandmarkResult]], labels: Sequence[str] | None, options: _Options
) -> Configurations:
    from sgcn_core.morphometrics.cases import configurations

    return configurations(cases, labels=labels, leave_out=options.without, without_uncertain=not options.uncertain)


def _describe(
    cases: Sequence[tuple[str, LandmarkResult]],
    failed: dict[str, str],
    save_reference: Path | None,
    options: _Options,
    outputs: Outputs,
) -> None:
    from sgcn_core.morphometrics.alignment import align
    from sgcn_core.morphometrics.cases import left_out_labels, uncertain_in
    from sgcn_core.morphometrics.components import components
    from sgcn_core.morphometrics.configurations import without_missing
    from sgcn_core.morphometrics.page import Told, cohort_page
    from sgcn_core.morphometrics.reference import reference_of, reference_text
    from sgcn_core.morphometrics.symmetry import object_symmetry
    from sgcn_core.morphometrics.write import write_cohort, write_exports

    whole = _configurations(cases, options.labels, options)
    complete, choice = without_missing(whole, options.missing)
    told = Told(
        choice=choice,
        failed=failed,
        labels=() if options.labels else left_out_labels(cases),
        uncertain=uncertain_in(cases, complete),
    )
    _print(told)
    aligned = align(complete, scaling=options.scale)
    parts = components(aligned)
    kept = reference_of(aligned, parts) if save_reference else None
    sides = object_symmetry(aligned) if options.symmetry else None
    page = cohort_page(
        aligned, parts, told, title=options.title, components=options.components, symmetry=sides, date=options.date
    )
    write_exports(outputs, whole if options.export_missing else complete, options.formats)
    if save_reference and kept:
        outputs.write(save_reference, reference_text(kept))
    write_cohort(outputs, aligned, parts, page, sides)


def _compare(
    cases: Sequence[tuple[str, LandmarkResult]],
    failed: dict[str, str],
    reference: Path,
    options: _Options,
    outputs: Outputs,
) -> dict[str, str]:
    """Compare with a reference; returns why cases are not among those compared."""
    from sgcn_core.morphometrics.cases import uncertain_in
    from sgcn_core.morphometrics.configurations import Choice
    from sgcn_core.morphometrics.page import Told, comparison_page
    from sgcn_core.morphometrics.reference import compare, labels_for, read_reference
    from sgcn_core.morphometrics.tables import comparison_table, scores_of_comparison
    from sgcn_core.morphometrics.write import write_comparison, write_exports

    shape = read_reference(reference)
    whole = _configurations(cases, labels_for(shape, options.labels), options)
    done, refused = compare(shape, whole)
    for name, why in refused.items():
        note(f"error: {name}: {why}")
    if not done:
        raise LandmarkError("no case can be compared with the reference")
    told = Told(choice=Choice(), failed={**failed, **refused}, uncertain=uncertain_in(cases, whole))
    _print(told)
    page = comparison_page(shape, done, told, title=options.title, components=options.components, date=options.date)
    write_exports(outputs, whole, options.formats)
    write_comparison(
        outputs, (comparison_table(shape, done), scores_of_comparison(shape, done, options.components)), page
    )
    return dict(told.failed)


def _print(told: Told) -> None:
    if told.uncertain:
        note(f"note: {told.uncertain} positions of uncertain landmarks are used; --no-uncertain leaves them out")
    if told.choice.text:
        note(f"note: {told.choice.text}")
    if told.labels:
        note(f"note: only some cases list these landmarks, which are not used: {', '.join(told.labels)}")
