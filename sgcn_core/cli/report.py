"""`sgcn-landmarks report`: pages for surgeons, of one case, of a comparison, or of a cohort."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgcn_core.batch import ExitCode, PlanError, check_outputs, describe
from sgcn_core.cli.cases import CaseLoader
from sgcn_core.cli.console import end, note, print_json, progress_bar, reporting_errors, say, usage_errors
from sgcn_core.cli.options import Debug, Device, Json, Overwrite, Seed, Weights, one_of
from sgcn_core.errors import SgcnError
from sgcn_core.io.formats import landmark_suffix, without_suffix
from sgcn_core.io.provenance import input_record
from sgcn_core.settings import DetectionSettings

if TYPE_CHECKING:
    from sgcn_core.report.build import ReportCase, ReportOptions
    from sgcn_core.report.write import ReportFiles

_PAGES = (".html", ".htm")


def report(
    cases: Annotated[
        list[Path],
        typer.Argument(
            metavar="CASE...",
            help="Landmark file, or a scan whose landmarks are detected first. Two cases and a page: a comparison, the "
            "first is before. Cases and a folder: an index, and a page for each.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="PAGE|FOLDER", help="Page (.html), or a folder for the index of a cohort."
        ),
    ] = None,
    surface: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Scan of a landmark file, in the order of the cases; by default the scan that it names, beside it.",
        ),
    ] = None,
    observers: Annotated[
        bool, typer.Option("--observers", help="The two cases are landmarks of two observers on the same scan.")
    ] = False,
    analysis: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Analysis to draw, at 1 : 1; by default all, at 1 : 2. May be repeated."),
    ] = None,
    definitions: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="JSON file with further measurements. May be repeated.")
    ] = None,
    horizontal: Annotated[
        str | None, typer.Option(metavar="HORIZONTAL", help="Natural head position, as of the command measure.")
    ] = None,
    plane: Annotated[
        str, typer.Option(metavar=one_of(("landmarks", "surface")), help="What the midsagittal plane is fitted to.")
    ] = "landmarks",
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="REGION", help="Region that does not count for that plane: operated on, swollen."),
    ] = None,
    stable: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REGION", help="Region by which two cases are registered; by default forehead, nasal root."
        ),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write the tables as CSV files beside the page.")] = False,
    xlsx: Annotated[bool, typer.Option("--xlsx", help="Write the tables as a workbook beside the page.")] = False,
    dicom_sr: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="DICOM structured report of the measurements; needs --patient-from or --patient-id."
        ),
    ] = None,
    patient_from: Annotated[
        Path | None,
        typer.Option(metavar="DICOM", help="File or folder of the series whose patient and study are used."),
    ] = None,
    patient_id: Annotated[
        str | None, typer.Option(metavar="ID", help="An anonymous patient with this ID: no name, no dates.")
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Of the page; by default a neutral number.")] = None,
    show_name: Annotated[
        bool, typer.Option("--show-name", help="Show the names of the input files, which may tell who the person is.")
    ] = False,
    date: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Date on the page; by default today's. Empty for none.")
    ] = None,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    weights: Weights = None,
    device: Device = "cpu",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Report landmarks, measurements and symmetry as a page that needs no other file.

    Names of files are left out unless they are asked for.
    """
    with usage_errors():
        plan = _plan(cases, output, surface or [], observers=observers)
        loader = CaseLoader(DetectionSettings(seed=seed, weights=weights, device=device))
        if dicom_sr is not None and (plan.cohort or (patient_from is None) == (patient_id is None)):
            raise PlanError("--dicom-sr needs one page, and either --patient-from or --patient-id")
        read = [*cases, *(surface or []), *(definitions or []), *(path for path in (weights, patient_from) if path)]
    with reporting_errors(debug=debug):
        from sgcn_core.analysis import Definitions
        from sgcn_core.analysis.comparison import STABLE_REGIONS
        from sgcn_core.report.build import ReportOptions
        from sgcn_core.report.structured import SrHeader

        made = ReportOptions(
            title=title or "",
            show_name=show_name,
            date=datetime.date.today().isoformat() if date is None else date,
            analyses=tuple(analysis or ()),
            definitions=Definitions.load(*(definitions or ())),
            horizontal=horizontal,
            plane=plane,
            without=tuple(without or ()),
            stable=tuple(stable or STABLE_REGIONS),
            observers=observers,
        )
        header = None
        if dicom_sr is not None:
            header = SrHeader.from_series(patient_from) if patient_from else SrHeader.anonymous(patient_id or "")
        writer = _Writer(plan, made, loader, read, csv=csv, xlsx=xlsx, dicom_sr=dicom_sr, header=header, debug=debug)
        with usage_errors():
            writer.check(overwrite=overwrite)
        with progress_bar(len(plan.pages)) as start:
            writer.write(start)
        if as_json:
            print_json({"exit_code": int(writer.code), "written": [str(path) for path in writer.written]})
        else:
            for path in writer.written:
                say(str(path))
    raise end(writer.code)


@dataclass(frozen=True)
class _Page:
    """Cases of one page, with the surfaces of landmark files, and where it goes."""

    html: Path
    cases: tuple[tuple[Path, Path | None], ...]


@dataclass(frozen=True)
class _Plan:
    """Pages to write; with a folder, of a cohort with an index."""

    pages: tuple[_Page, ...]
    folder: Path | None = None

    @property
    def cohort(self) -> bool:
        """Whether there is an index."""
        return self.folder is not None


def _plan(cases: Sequence[Path], output: Path | None, surfaces: Sequence[Path], *, observers: bool) -> _Plan:
    cases = [path if path.name not in ("", "..") else path.resolve() for path in cases]  # . and .. are DICOM folders
    files = [path for path in cases if landmark_suffix(path) is not None]
    if len(surfaces) > len(files):
        raise PlanError(
            f"--surface belongs to a landmark file; there are {len(files)} of them, {len(surfaces)} surfaces"
        )
    waiting = list(surfaces)
    given = tuple((path, waiting.pop(0) if path in files and waiting else None) for path in cases)
    is_page = output is not None and output.suffix.lower() in _PAGES
    if output is None and len(cases) == 1:
        output, is_page = cases[0].with_name(f"{without_suffix(cases[0])}.report.html"), True
    if output is None:
        raise PlanError("give -o PAGE.html for a comparison of two cases, or -o FOLDER for a page for each case")
    if is_page:
        if len(cases) > 2:
            raise PlanError(f"a page holds one case or a comparison of two, but there are {len(cases)}; give a folder")
        if observers and len(cases) != 2:
            raise PlanError("--observers needs two landmark files of the same scan")
        return _Plan((_Page(output, given),))
    if observers:
        raise PlanError("--observers needs a page: -o FILE.html")
    width = len(str(len(given)))
    names = (f"case-{number:0{width}d}.html" for number in range(1, len(given) + 1))
    return _Plan(tuple(_Page(output / name, (each,)) for name, each in zip(names, given, strict=True)), output)


@dataclass
class _Writer:
    """Writes the pages of a plan; a case of a cohort that fails does not stop the others."""

    plan: _Plan
    options: ReportOptions
    loader: CaseLoader
    read: Sequence[Path]
    csv: bool
    xlsx: bool
    dicom_sr: Path | None
    header: Any
    debug: bool
    code: ExitCode = ExitCode.OK
    written: list[Path] = field(default_factory=list)
    _before: dict[Path, Any] = field(default_factory=dict)

    def check(self, *, overwrite: bool) -> None:
        """Refuse to replace what exists or an input; PlanError, FileExistsError, InstallationError."""
        from sgcn_core.io.atomic import file_state
        from sgcn_core.report.index import INDEX
        from sgcn_core.report.write import check_files

        outputs = [path for page in self.plan.pages for path in self._files(page).outputs()]
        if self.plan.folder is not None:
            outputs.append(self.plan.folder / INDEX)
        used = [path for page in self.plan.pages for case in page.cases for path in case if path is not None]
        check_outputs(outputs, {*self.read, *used})
        for page in self.plan.pages:
            self._before |= check_files(self._files(page), overwrite=overwrite)
        if self.plan.folder is not None:
            index = self.plan.folder / INDEX
            self._before[index] = file_state(index)
            if self._before[index].exists and not overwrite:
                raise FileExistsError(f"{index} exists; give --overwrite to replace it, or another folder")

    def write(self, start: Any) -> None:
        """All pages, then the index."""
        from sgcn_core.report.index import INDEX, indexed_case, write_index

        indexed, failures = [], []
        for number, page in enumerate(self.plan.pages):
            title = f"Case {number + 1}"
            try:
                made = self._page(page, title, start(number, page.cases[0][0].name))
            except (SgcnError, OSError, ValueError, MemoryError) as error:
                if self.debug or not self.plan.cohort:
                    raise
                note(f"error: {page.cases[0][0]}: {describe(error)}")
                name = f" ({page.cases[0][0].name})" if self.options.show_name else ""
                failures.append(f"{title}{name}: {type(error).__name__}")
                continue
            if self.plan.cohort:
                indexed.append(indexed_case(made, page.html.name, engine=self.options.engine))
        if self.plan.folder is None:
            return
        if failures:
            self.code = ExitCode.SOME_FAILED if indexed else ExitCode.ALL_FAILED
        if indexed:
            before = self._before[self.plan.folder / INDEX]
            self.written.append(write_index(indexed, self.plan.folder, failures=failures, unless_changed_since=before))

    def _page(self, page: _Page, title: str, progress: Any) -> Any:
        from dataclasses import replace

        from sgcn_core.report.build import build_report
        from sgcn_core.report.index import INDEX
        from sgcn_core.report.write import save

        cases = [self._case(path, surface, progress) for path, surface in page.cases]
        began = time.perf_counter()
        progress("reporting", 0.6)
        options = self.options
        if self.plan.cohort and not options.title and not (options.show_name and cases[0].name):
            options = replace(options, title=title)
        made = build_report(cases[0], cases[1] if len(cases) > 1 else None, options)
        back = INDEX if self.plan.cohort else ""
        self.written += save(made, self._files(page), self._before, sr_header=self.header, back=back)
        note(f"note: reported in {time.perf_counter() - began:.1f} s")
        return made

    def _files(self, page: _Page) -> ReportFiles:
        from sgcn_core.report.write import ReportFiles

        return ReportFiles(html=page.html, csv=self.csv, xlsx=self.xlsx, dicom_sr=self.dicom_sr)

    def _case(self, path: Path, surface: Path | None, progress: Any) -> ReportCase:
        from dataclasses import replace

        from sgcn_core.io.markups import read_landmarks
        from sgcn_core.report.build import ReportCase
        from sgcn_core.skin.extract import read_scan

        name = without_suffix(path)
        if landmark_suffix(path) is not None:
            result = read_landmarks(path)
            scan = surface or scan_beside(path, result.info)
            return ReportCase(result=result, surface=None if scan is None else read_scan(scan), name=name)
        result, found = self.loader.detected(path, progress)
        result = replace(result, info={**result.info, "input": input_record(path)})
        return ReportCase(result=result, surface=found, name=name)


def scan_beside(landmarks: Path, info: dict[str, Any]) -> Path | None:
    """The scan that a landmark file names, if it lies in the same folder and is the same to the bit."""
    record = info.get("input")
    if not isinstance(record, dict) or not record.get("name") or not record.get("sha256"):
        return None
    scan = landmarks.parent / Path(str(record["name"])).name
    if not scan.exists():
        return None
    if input_record(scan)["sha256"] != record["sha256"]:
        note(f"note: {scan.name} has changed since its landmarks were detected; it is not used. Give it with --surface")
        return None
    return scan
