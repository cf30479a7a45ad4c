"""`sgcn-landmarks symmetry`: midsagittal plane and asymmetry of a face."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sgcn_core.batch import ExitCode
from sgcn_core.cli.cases import belongs_to_landmarks, checked_outputs, load_cases, print_table
from sgcn_core.cli.console import end, print_json, progress_bar, reporting_errors, say
from sgcn_core.cli.options import Debug, Device, Json, Overwrite, Seed, Weights
from sgcn_core.settings import DetectionSettings

Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Table: .csv or .json.")]
Map = Annotated[
    Path | None,
    typer.Option("--map", metavar="FILE", help="Surface with the signed distance of each vertex: .vtp, .ply."),
]

Dense = Annotated[
    bool,
    typer.Option("--dense", help="Fit a statistical face; the map is then by correspondence, not of closest places."),
]


def symmetry(
    case: Annotated[
        Path, typer.Argument(metavar="CASE", help="Landmark file, or a scan whose landmarks are detected first.")
    ],
    surface: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Scan that the landmark file belongs to.")
    ] = None,
    plane: Annotated[
        str,
        typer.Option(
            metavar="[landmarks|surface]",
            help="Midsagittal plane from stable landmarks, or from the skin of forehead, nasal root and eyes.",
        ),
    ] = "landmarks",
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REGION", help="Region that was operated on or is swollen: not used for the plane. May be repeated."
        ),
    ] = None,
    output: Output = None,
    map_file: Map = None,
    dense: Dense = False,
    quasi_landmarks: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Vertices of the statistical face on the scan: .npz, .csv. Needs --dense."),
    ] = None,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    weights: Weights = None,
    device: Device = "cpu",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure the asymmetry of a face against its midsagittal plane.

    Every number has a 95 % interval. Left and right are the subject's. The file of --output also tells sideways, upward
    and forward asymmetry apart.
    """
    belongs_to_landmarks(surface, case, "--surface")
    if quasi_landmarks is not None and not dense:
        raise typer.BadParameter("--quasi-landmarks needs --dense")
    outputs = {"--output": output, "--map": map_file, "--quasi-landmarks": quasi_landmarks}
    states = checked_outputs(outputs, (case, surface, weights), overwrite=overwrite)
    with reporting_errors(debug=debug):
        settings = DetectionSettings(seed=seed, weights=weights, device=device)
        from sgcn_core.analysis.distance_maps import mirror_map
        from sgcn_core.analysis.result_rows import DIRECTIONS, plane_record, symmetry_rows, write_rows
        from sgcn_core.analysis.symmetry import analyse_symmetry, find_plane
        from sgcn_core.errors import LandmarkError

        with progress_bar(1) as start:
            found = load_cases([case], [surface], settings, start(0, case.name))[0]
        if map_file is not None and found.surface is None:
            raise LandmarkError("--map needs a surface; give the scan of the landmarks with --surface")
        middle = find_plane(found, method=plane, without=without or ())
        analysis = analyse_symmetry(found, middle, without=without or ())
        rows, about = symmetry_rows(analysis), {"case": found.name, "plane": plane_record(middle)}
        tables = {"symmetry": rows}
        if dense:
            from sgcn_core.analysis.dense import fit_dense
            from sgcn_core.analysis.dense_maps import dense_asymmetry, dense_record, dense_rows

            fitted = fit_dense(found)
            asymmetry = dense_asymmetry(fitted, middle)
            tables["dense"], about["dense_fit"] = dense_rows(asymmetry), dense_record(fitted)
            if quasi_landmarks is not None:
                fitted.write(quasi_landmarks, unless_changed_since=states["--quasi-landmarks"])
            if map_file is not None:
                asymmetry.write(map_file, unless_changed_since=states["--map"])
        elif map_file is not None and found.surface is not None:
            mirror_map(found.surface, middle).write(map_file, unless_changed_since=states["--map"])
        if output is not None:
            write_rows(tables, output, about=about, unless_changed_since=states["--output"])
        if as_json:
            print_json({**about, **tables})
        else:
            print_table(found.name, [row for row in rows if row["value"] is not None and row["group"] != DIRECTIONS])
            if dense:
                print_table("asymmetry by correspondence", tables["dense"])
                say(f"statistical face: {fitted.fitted:.0%} on skin, median residual {fitted.median_residual:.2f} mm")
            say(
                f"plane from {middle.method} ({', '.join(middle.landmarks)}): residual {middle.residual:.2f} mm, "
                f"direction +- {middle.angle_sd:.2f} degrees, position +- {middle.position_sd:.2f} mm (SD); "
                "distances are positive on the subject's left"
            )
    raise end(ExitCode.OK)
