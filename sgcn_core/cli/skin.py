"""`sgcn-landmarks skin`: the skin of a CT or MR volume as a surface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgcn_core.batch import ExitCode, check_outputs
from sgcn_core.cli.console import end, print_json, reporting_errors, say, usage_errors
from sgcn_core.cli.options import Debug, Json, Series

if TYPE_CHECKING:
    from sgcn_core.skin.extract import Skin


def skin(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="NIfTI, NRRD, MetaImage or DICOM file, or a folder of DICOM files.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Surface file: .ply, .obj, .stl, .vtp or .vtk.")
    ],
    threshold: Annotated[
        float | None,
        typer.Option(metavar="VALUE", help="Grey value between air and skin; by default determined from the image."),
    ] = None,
    series: Series = None,
    resolution: Annotated[
        float, typer.Option(min=0.0, metavar="MM", help="Average finer voxels to about this size; 0 keeps all.")
    ] = 0.9,
    max_voxels: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Largest number of voxels; 432 million by default.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Extract the skin of a head from a CT, MR or label volume.

    Outer skin only, in the image's physical frame (LPS, mm), open where the field of view cuts the head.
    """
    with usage_errors():
        check_outputs([output], [source])
    with reporting_errors(debug=debug):
        from sgcn_core.io.meshes import write_surface
        from sgcn_core.io.volumes import MAX_VOXELS, read_volume
        from sgcn_core.skin.extract import extract_skin

        volume = read_volume(source, series=series, max_voxels=max_voxels or MAX_VOXELS)
        found = extract_skin(volume, threshold=threshold, resolution=resolution)
        write_surface(found.surface, output)
        if as_json:
            print_json(_document(source, output, found))
        else:
            say(_sentence(source, output, found))
    raise end(ExitCode.OK)


def _document(source: Path, output: Path, found: Skin) -> dict[str, Any]:
    return {
        "input": str(source),
        "output": str(output),
        "vertices": len(found.surface.vertices),
        "triangles": len(found.surface.faces),
        "frame": found.surface.frame,
        "unit": found.surface.unit,
        "kind": found.kind,
        "threshold": found.threshold,
        "cut_sides": [
            {"side": cut.side, "area_mm2": round(cut.area or 0.0, 1), "point": cut.point, "normal": cut.normal}
            for cut in found.surface.cut_planes
        ],
    }


def _sentence(source: Path, output: Path, found: Skin) -> str:
    cuts = ", ".join(f"{cut.side} ({(cut.area or 0.0) / 100:.0f} cm2)" for cut in found.surface.cut_planes) or "none"
    return (
        f"{source} -> {output}  ({found.kind}, threshold {found.threshold:.5g}; {len(found.surface.faces)} triangles; "
        f"cut by the field of view: {cuts})"
    )
