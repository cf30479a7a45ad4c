"""Files of a report: CSV, XLSX, DICOM SR, the command, the page in a browser."""

from __future__ import annotations

import csv
import importlib
import io
import json
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from report_case import PATIENT, case, result, surface
from said import said
from test_cli import run

from sgcn_core.batch import ExitCode
from sgcn_core.errors import FileFormatError, InstallationError, SettingsError
from sgcn_core.io.markups import write_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.io.provenance import input_record
from sgcn_core.report.build import Report, build_report
from sgcn_core.report.structured import SCHEME, SrHeader, structured_report
from sgcn_core.report.tables import Column, Table, csv_text
from sgcn_core.report.workbook import workbook_bytes
from sgcn_core.report.write import TABLE_KEYS, write_report

BROWSER = next(
    (path for name in ("chromium", "google-chrome", "chromium-browser") if (path := shutil.which(name))), None
)
FORMULA = '=HYPERLINK("http://x","y")'


@pytest.fixture(scope="module")
def report() -> Report:
    return build_report(case(with_surface=False))


@pytest.fixture(scope="module")
def tricky() -> Table:
    return Table(
        key="t",
        title="T",
        columns=(Column(name="name"), Column(name="size", unit="mm", decimals=1)),
        rows=((FORMULA, -1.25), ("@a\nb", None), ("c", float("nan"))),
        flags=("check", "", "none"),
        groups=("g", "g", "h"),
    )


def test_csv_has_units_raw_numbers_and_no_formulas(tricky: Table) -> None:
    header, *rows = list(csv.reader(io.StringIO(csv_text(tricky))))
    assert header == ["group", "name", "size [mm]"]
    assert rows == [["g", f"'{FORMULA}", "-1.25"], ["g", "'@a\\nb", ""], ["h", "c", ""]]


def test_a_workbook_has_numbers_as_numbers_and_no_formulas(tricky: Table) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    content = workbook_bytes([tricky, tricky])
    assert content == workbook_bytes([tricky, tricky])
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["t", "t 2"]
    cells = list(book["t"].iter_rows())
    assert [cell.value for cell in cells[0]] == ["group", "name", "size [mm]"]
    assert cells[1][2].value == -1.25 and cells[1][2].data_type == "n" and cells[1][2].number_format == "0.0"
    assert cells[1][1].data_type == "s" and cells[1][1].value == f"'{FORMULA}"
    assert cells[2][2].value is None and cells[3][2].value is None


def test_every_table_is_a_sheet(report: Report) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(report.tables)))
    assert book.sheetnames == [table.key for table in report.tables]
    assert set(book.sheetnames) <= set(TABLE_KEYS)


def numbers_of(document) -> dict[str, tuple[float, str, str]]:
    """Name code -> value, unit and the group's tracking identifier of every NUM item."""
    found = {}

    def walk(items, group: str) -> None:
        for item in items:
            below = item.get("ContentSequence", [])
            names = [
                each.TextValue
                for each in below
                if each.ValueType == "TEXT" and each.ConceptNameCodeSequence[0].CodeMeaning == "Tracking Identifier"
            ]
            if item.ValueType == "NUM" and item.ConceptNameCodeSequence[0].CodingSchemeDesignator == SCHEME:
                code = item.ConceptNameCodeSequence[0]
                value = item.MeasuredValueSequence[0]
                unit = value.MeasurementUnitsCodeSequence[0]
                name = code.get("CodeValue") or code.get("LongCodeValue")
                found[str(name)] = (float(value.NumericValue), str(unit.CodeValue), group)
            walk(below, names[0] if names else group)

    walk(document.ContentSequence, "")
    return found


def test_a_structured_report_is_read_back(report: Report) -> None:
    pytest.importorskip("highdicom")
    from highdicom.sr import srread

    header = SrHeader.anonymous("STUDY-7")
    content = structured_report(report.measurements[0], header)
    document = srread(io.BytesIO(content))
    assert document.PatientID == "STUDY-7" and not document.PatientName and document.PatientIdentityRemoved == "YES"
    assert document.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert "CurrentRequestedProcedureEvidenceSequence" not in document
    found = numbers_of(document)
    values = [value for value in report.measurements[0].values if value.value is not None]
    assert set(found) == {value.name for value in values}
    units = {"mm": "mm", "deg": "deg", "%": "%", "ratio": "1"}
    for value in values:
        number, unit, group = found[value.name]
        assert number == pytest.approx(value.value, rel=1e-5) and unit == units[value.measurement.unit]
        assert group == f"facial measurements, {'reliable' if value.status == 'ok' else value.status}"
    again = srread(io.BytesIO(structured_report(report.measurements[0], SrHeader.anonymous("STUDY-7"))))
    assert again.SOPInstanceUID == document.SOPInstanceUID
    assert srread(
        io.BytesIO(structured_report(report.measurements[0], SrHeader.anonymous("STUDY-8")))
    ).SOPInstanceUID != (document.SOPInstanceUID)


def dicom_file(path, **changes):
    """A small CT instance."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, changes.get("uid", "1.2.3.4")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    values = {"PatientID": "P1", "PatientName": "Doe^Jane", "PatientBirthDate": "19700101", "PatientSex": "F"}
    values |= {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1", "SOPClassUID": CTImageStorage}
    values |= {
        "SOPInstanceUID": changes.get("uid", "1.2.3.4"),
        "StudyDate": "20240102",
        "StudyTime": "",
        "StudyID": "S",
    }
    values |= {"AccessionNumber": "", "ReferringPhysicianName": "", "Modality": "CT", **changes}
    for name, value in values.items():
        if name != "uid":
            setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)


def test_patient_and_study_come_from_the_series(report: Report, tmp_path) -> None:
    pytest.importorskip("highdicom")
    from highdicom.sr import srread

    dicom_file(tmp_path / "1.dcm")
    dicom_file(tmp_path / "2.dcm", uid="1.2.3.5")
    (tmp_path / "notes.txt").write_text("no image")
    header = SrHeader.from_series(tmp_path)
    document = srread(io.BytesIO(structured_report(report.measurements[0], header)))
    assert (document.PatientID, str(document.PatientName), document.StudyInstanceUID) == ("P1", "Doe^Jane", "1.2.3")
    series = document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert {each.ReferencedSOPInstanceUID for each in series.ReferencedSOPSequence} == {"1.2.3.4", "1.2.3.5"}


def test_patient_data_are_never_invented(report: Report, tmp_path) -> None:
    pytest.importorskip("highdicom")
    with pytest.raises(SettingsError, match="needs an ID"):
        SrHeader.anonymous(" ")
    dicom_file(tmp_path / "1.dcm", PatientID="")
    with pytest.raises(FileFormatError, match="PatientID"):
        SrHeader.from_series(tmp_path / "1.dcm")
    dicom_file(tmp_path / "1.dcm")
    dicom_file(tmp_path / "2.dcm", uid="9.9", StudyInstanceUID="9")
    with pytest.raises(FileFormatError, match="2 studies"):
        SrHeader.from_series(tmp_path)
    with pytest.raises(ValueError, match="SrHeader"):
        write_report(case(with_surface=False), tmp_path / "a.html", dicom_sr=tmp_path / "a.dcm")
    assert not (tmp_path / "a.html").exists()


@pytest.mark.parametrize(
    ("package", "extra", "options"),
    [
        ("jinja2", "report", {}),
        ("openpyxl", "report", {"xlsx": True}),
        ("highdicom", "dicom", {"dicom_sr": "a.dcm", "sr_header": None}),
    ],
)
def test_a_lacking_package_is_named_before_any_work(package, extra, options, tmp_path, monkeypatch) -> None:
    usual = importlib.import_module

    def lacking(name: str, *more: object):
        if name == package:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return usual(name, *more)

    monkeypatch.setattr(importlib, "import_module", lacking)
    with pytest.raises(InstallationError, match=rf"pip install 'sgcn-core\[{extra}\]' or pip install {package}"):
        write_report(case(), tmp_path / "a.html", **options)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def scan(tmp_path):
    """A landmark file that names the scan beside it."""
    mesh = write_surface(surface(), tmp_path / f"{PATIENT}.ply")
    found = result()
    info = {**found.info, "input": input_record(mesh)}
    return write_landmarks(replace(found, info=info), tmp_path / f"{PATIENT}.mrk.json")


def test_the_command_takes_the_scan_beside_and_never_replaces(scan, tmp_path) -> None:
    page = tmp_path / "out" / "page.html"
    done = run("report", str(scan), "-o", str(page), "--csv", "--xlsx", "--date", "", "--json")
    assert done.exit_code == ExitCode.OK, done.output
    written = [line for line in json.loads(done.stdout)["written"]]
    keys = ("measurements", "midline", "pairs", "cants", "landmarks")
    assert written == [
        str(page),
        *(str(page.with_name(f"page-{key}.csv")) for key in keys),
        str(page.with_suffix(".xlsx")),
    ]
    html = page.read_text(encoding="utf-8")
    assert "data:image/png" in html and "Mustermann" not in html
    rows = list(csv.DictReader(page.with_name("page-landmarks.csv").open(encoding="utf-8")))
    assert {row["Landmark"]: row["x"] for row in rows}["me"] == ""
    before = page.read_bytes()
    again = run("report", str(scan), "-o", str(page))
    assert again.exit_code == ExitCode.USAGE and "--overwrite" in again.stderr and page.read_bytes() == before


def test_the_command_refuses_what_would_go_wrong(scan, tmp_path) -> None:
    for arguments, words in (
        ([str(scan), str(scan)], "give -o"),
        ([str(scan)] * 3 + ["-o", str(tmp_path / "x.html")], "a folder"),
        ([str(scan), "-o", str(tmp_path / "x.html"), "--dicom-sr", str(tmp_path / "x.dcm")], "--patient-id"),
        ([str(scan), "-o", str(tmp_path / "x.html"), "--observers"], "two landmark"),
        ([str(scan.with_suffix(".ply")), "-o", str(tmp_path / "x.html"), "--surface", str(scan)], "--surface belongs"),
    ):
        done = run("report", *arguments)
        assert done.exit_code == ExitCode.USAGE and words in said(done.stderr), (arguments, done.stderr)
    unknown = run("report", str(scan), "-o", str(tmp_path / "x.html"), "--analysis", "rickets")
    assert unknown.exit_code == ExitCode.ALL_FAILED and "ricketts" in unknown.stderr
    assert not (tmp_path / "x.html").exists()


def test_a_scan_that_has_changed_is_not_used(scan, tmp_path) -> None:
    write_surface(surface().with_(vertices=surface().vertices + 1.0), tmp_path / f"{PATIENT}.ply")
    done = run("report", str(scan), "-o", str(tmp_path / "page.html"))
    assert done.exit_code == ExitCode.OK and "has changed since" in done.stderr
    assert "made without the surface" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_cohort_has_an_index_and_goes_on_after_a_failure(scan, tmp_path) -> None:
    good = write_landmarks(result(uncertain=(), missing=()), tmp_path / "good.csv")
    broken = tmp_path / "broken.csv"
    broken.write_text("no landmarks")
    folder = tmp_path / "cohort"
    done = run("report", str(good), str(scan), str(broken), "-o", str(folder))
    assert done.exit_code == ExitCode.SOME_FAILED and "broken.csv" in done.stderr
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert index.index("case-2.html") < index.index("case-1.html")
    assert "Case 3: FileFormatError" in index and "broken" not in index and "Mustermann" not in index
    assert 'href="index.html"' in (folder / "case-1.html").read_text(encoding="utf-8")


def test_the_page_has_the_name_of_the_case_whatever_the_case_of_the_suffix(scan) -> None:
    scan = scan.rename(scan.with_name("FACE.MRK.JSON"))
    done = run("report", str(scan), "--show-name")
    assert done.exit_code == ExitCode.OK, done.output
    html = scan.with_name("FACE.report.html").read_text(encoding="utf-8")
    assert "FACE" in html and "FACE.MRK" not in html


def test_the_folder_of_the_command_is_a_case_like_any_other(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run("report", ".")
    assert found.exit_code != ExitCode.OK and f"{tmp_path} is a folder" in found.output, found.output


def complaints(page, folder) -> list[str]:
    """What the console of a headless browser says about a page."""
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"]
    command += ["--enable-logging=stderr", "--log-level=0", "--dump-dom", page.as_uri()]
    ended = subprocess.run(command, capture_output=True, timeout=300, check=False)
    if b"</html>" not in ended.stdout:
        pytest.skip(f"the browser cannot run here: {ended.stderr[-300:].decode(errors='replace')}")
    return [line for line in ended.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")
def test_the_page_opens_in_a_browser_without_a_complaint(scan, tmp_path) -> None:
    page = tmp_path / "page.html"
    assert run("report", str(scan), "-o", str(page)).exit_code == ExitCode.OK
    assert complaints(page, tmp_path / "browser") == []
    spoilt = tmp_path / "spoilt.html"  # the check sees a request that fails
    html = page.read_text(encoding="utf-8").replace("</main>", '<img src="other.png" alt=""></main>')
    spoilt.write_text(html, encoding="utf-8")
    assert any("other.png" in line for line in complaints(spoilt, tmp_path / "browser"))


def test_text_is_not_evaluated_anywhere(tmp_path) -> None:
    named = replace(case(with_surface=False), result=replace(result(), labels=("=1+1", *result().labels[1:])))
    write_report(named, tmp_path / "a.html", csv=True)
    row = (tmp_path / "a-landmarks.csv").read_text(encoding="utf-8").splitlines()[1]
    assert "'=1+1" in row
    assert np.isfinite(named.result.positions[0]).all()
