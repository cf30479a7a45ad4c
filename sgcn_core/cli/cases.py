"""Cases of the analysis commands: a landmark file with its scan, or a scan whose landmarks are detected first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sgcn_core.cli.console import note, say, usage_errors
from sgcn_core.cli.outputs import checked_states
from sgcn_core.errors import SgcnError
from sgcn_core.io.atomic import FileState
from sgcn_core.io.formats import landmark_suffix, without_suffix
from sgcn_core.io.landmark_text import ASSUMED
from sgcn_core.settings import DetectionSettings

if TYPE_CHECKING:
    from sgcn_core.analysis.case import AnalysisCase
    from sgcn_core.types.landmarks import LandmarkResult
    from sgcn_core.types.surface import Surface


class CaseLoader:
    """Makes cases of inputs; the detector is loaded when the first scan comes."""

    def __init__(self, settings: DetectionSettings) -> None:
        self._settings = settings
        self._detector: Any = None

    def of(self, path: Path, surface: Path | None, report: Any) -> AnalysisCase:
        """The case of a landmark file with its surface, if one is given, or of a scan."""
        from sgcn_core.analysis.case import AnalysisCase
        from sgcn_core.io.meshes import read_surface

        if landmark_suffix(path) is not None:
            case = AnalysisCase.from_file(path, None if surface is None else read_surface(surface))
            if assumed := case.info.get(ASSUMED):
                note(f"note: {path} does not state its {' and '.join(assumed)}; millimetres and LPS are assumed")
            return case
        result, scan = self.detected(path, report)
        for remark in result.info.get("notes", ()):
            note(f"note: {path}: {remark}")
        return AnalysisCase.from_result(result, scan, without_suffix(path))

    def detected(self, path: Path, report: Any) -> tuple[LandmarkResult, Surface]:
        """The landmarks of a scan, and the scan."""
        from sgcn_core.cli.detect import load_detector
        from sgcn_core.skin.extract import read_scan

        self._detector = self._detector or load_detector(self._settings)
        scan = read_scan(path)
        return self._detector.detect(scan, self._settings, progress=report), scan


def load_cases(
    paths: Sequence[Path], surfaces: Sequence[Path | None], settings: DetectionSettings, report: Any
) -> list[AnalysisCase]:
    """The cases of the inputs, with the surface of each."""
    loader = CaseLoader(settings)
    return [loader.of(path, surface, report) for path, surface in zip(paths, surfaces, strict=True)]


def checked_outputs(
    outputs: Mapping[str, Path | None], inputs: Iterable[Path | None], *, overwrite: bool
) -> dict[str, FileState]:
    """The present state of each output, by its option; a usage error where one cannot be written."""
    from sgcn_core.analysis import dense, distance_maps, result_rows

    checks = {"--map": distance_maps.checked_suffix, "--quasi-landmarks": dense.checked_suffix}
    with usage_errors(SgcnError):
        for option, path in outputs.items():
            if path is not None:
                checks.get(option, result_rows.checked_suffix)(path)
        return checked_states(outputs, inputs, overwrite=overwrite)


def belongs_to_landmarks(surface: Path | None, path: Path, option: str) -> None:
    """A scan given beside a scan is a usage error."""
    if surface is not None and landmark_suffix(path) is None:
        raise typer.BadParameter(f"{option} belongs to a landmark file, but {path} is a scan itself")


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """A table on stdout; numbers with two digits, empty where nothing is known."""
    import io

    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        numeric = any(isinstance(row[column], (int, float)) for row in rows)
        table.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    stream = io.StringIO()
    Console(file=stream, width=130, markup=False, highlight=False).print(table)
    say(stream.getvalue())


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.2f}".replace("-0.00", "0.00") if isinstance(value, float) else str(value)
