"""`sgcn-landmarks compare`: what changed between two cases of one person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgcn_core.batch import ExitCode
from sgcn_core.cli.cases import belongs_to_landmarks, checked_outputs, load_cases, print_table
from sgcn_core.cli.console import end, print_json, progress_bar, reporting_errors, say
from sgcn_core.cli.options import Debug, Device, Json, Overwrite, Seed, Weights
from sgcn_core.cli.symmetry import Dense, Map, Output
from sgcn_core.settings import DetectionSettings

if TYPE_CHECKING:
    from sgcn_core.analysis.case import AnalysisCase
    from sgcn_core.analysis.comparison import Change
    from sgcn_core.analysis.dense import DenseFace


def compare(
    first: Annotated[Path, typer.Argument(metavar="BEFORE", help="Landmark file, or a scan.")],
    second: Annotated[Path, typer.Argument(metavar="AFTER", help="Landmark file, or a scan.")],
    first_surface: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Scan that the first landmark file belongs to.")
    ] = None,
    second_surface: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Scan that the second landmark file belongs to.")
    ] = None,
    regions: Annotated[
        list[str] | None,
        typer.Option(
            "--stable", metavar="REGION", help="Region that did not change; by default forehead and nasal root."
        ),
    ] = None,
    volumes: Annotated[
        list[str] | None,
        typer.Option("--volume", metavar="REGION", help="Region whose change of volume is measured."),
    ] = None,
    output: Output = None,
    map_file: Map = None,
    dense: Dense = False,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    weights: Weights = None,
    device: Device = "cpu",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare two cases of one person, such as before and after an operation.

    The second is brought onto the first by a region that did not change. Sizes are kept.
    """
    belongs_to_landmarks(first_surface, first, "--first-surface")
    belongs_to_landmarks(second_surface, second, "--second-surface")
    inputs = (first, second, first_surface, second_surface, weights)
    states = checked_outputs({"--output": output, "--map": map_file}, inputs, overwrite=overwrite)
    with reporting_errors(debug=debug):
        settings = DetectionSettings(seed=seed, weights=weights, device=device)
        from sgcn_core.analysis import comparison
        from sgcn_core.analysis.distance_maps import volume_between
        from sgcn_core.analysis.regions import region_mask
        from sgcn_core.analysis.result_rows import change_rows, displacement_rows, volume_rows, write_rows

        with progress_bar(1) as start:
            report = start(0, first.name)
            before, after = load_cases([first, second], [first_surface, second_surface], settings, report)
        registration = comparison.register(before, after, regions=regions or comparison.STABLE_REGIONS)
        found = comparison.compare(before, after, registration)
        tables = {
            "displacements": displacement_rows(found),
            "measurements": change_rows(_changes(before, after)),
        }
        if (map_file is not None and not dense) or volumes:
            change = comparison.surface_change(before, after, registration)
            if map_file is not None and not dense:
                change.write(map_file, unless_changed_since=states["--map"])
            measured = {name: volume_between(change, region_mask(after, (name,))) for name in volumes or ()}
            tables["volumes"] = volume_rows(measured)
        about = {
            "before": before.name,
            "after": after.name,
            "registration": registration.method,
            "regions": list(registration.regions),
            "residual_mm": registration.residual,
            "after_to_before": registration.motion.as_matrix().tolist(),
        }
        faces: tuple[DenseFace, ...] = ()
        if dense:
            from sgcn_core.analysis.dense import fit_dense
            from sgcn_core.analysis.dense_maps import dense_change, dense_record, dense_rows

            faces = fit_dense(before), fit_dense(after)
            moved = dense_change(faces[0], faces[1], registration)
            tables["dense"] = dense_rows(moved)
            about["dense_fit"] = {"before": dense_record(faces[0]), "after": dense_record(faces[1])}
            if map_file is not None:
                moved.write(map_file, unless_changed_since=states["--map"])
        if output is not None:
            write_rows(tables, output, about=about, unless_changed_since=states["--output"])
        if as_json:
            print_json({**about, **tables})
        else:
            for title, rows in tables.items():
                print_table(f"{title}, {before.name} to {after.name}", [row for row in rows if _is_news(row)])
            for face in faces:
                share, residual = f"{face.fitted:.0%}", f"{face.median_residual:.2f}"
                say(f"statistical face, {face.name}: {share} on skin, median residual {residual} mm")
            still = sum(not _is_news(row) for rows in tables.values() for row in rows)
            say(
                f"{still} landmarks and measurements have not changed beyond their uncertainty (--output lists them); "
                f"registered by the {registration.method} of {', '.join(registration.regions)}: residual "
                f"{registration.residual:.2f} mm"
            )
    raise end(ExitCode.OK)


def _is_news(row: Mapping[str, Any]) -> bool:
    return "no" not in (row.get("moved"), row.get("significant"))


def _changes(before: AnalysisCase, after: AnalysisCase) -> tuple[Change, ...]:
    """Changes of the measurements that both cases have."""
    from sgcn_core.analysis import measure
    from sgcn_core.analysis.comparison import measurement_changes

    tables = measure(before), measure(after)
    later = {value.name: value for value in tables[1].values}
    both = [(one, later[one.name]) for one in tables[0].values if one.name in later]
    both = [(one, other) for one, other in both if one.value is not None and other.value is not None]
    return measurement_changes(
        [one.name for one, _ in both],
        [one.value or 0.0 for one, _ in both],
        [math.nan if one.sd is None else one.sd for one, _ in both],
        [other.value or 0.0 for _, other in both],
        [math.nan if other.sd is None else other.sd for _, other in both],
        units=[one.measurement.unit for one, _ in both],
    )
