"""Measurements as a DICOM structured report: template TID 1500 "Measurement Report" (DICOM PS3.16), with highdicom.

Patient and study come from the series that was measured, or are stated to be anonymous; nothing is invented silently.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgcn_core import __version__
from sgcn_core.analysis.table import MeasuredValue, MeasurementTable
from sgcn_core.errors import FileFormatError, SettingsError
from sgcn_core.report.requirements import require
from sgcn_core.types.landmarks import plain

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SCHEME = "99SGCN"
"""Coding scheme of this package's own codes: names of measurements as ``sgcn-landmarks measure`` lists them."""

_UCUM = {"mm": ("mm", "mm"), "deg": ("deg", "deg"), "%": ("%", "%"), "ratio": ("1", "no units")}
_SERIES_NUMBER = 9500
_RAW_DATA = "1.2.840.10008.5.1.4.1.1.66"  # of the carrier of an anonymous patient, which no report refers to
_IDENTITY = ("PatientID", "StudyInstanceUID")


@dataclass(frozen=True, eq=False, kw_only=True)
class SrHeader:
    """Patient and study of a structured report.

    Attributes
    ----------
    source : tuple of Dataset
        Instances whose patient and study the report takes over.
    referred : bool
        Whether the report names them as its evidence.
    """

    source: tuple[Dataset, ...]
    referred: bool = True

    @classmethod
    def from_series(cls, path: str | os.PathLike[str]) -> SrHeader:
        """Patient and study of the DICOM series that was measured.

        Parameters
        ----------
        path : path
            A DICOM file, or a folder of one series.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        FileFormatError
            No DICOM file is there, or it lacks the patient's ID or the study's UID.
        """
        from pydicom import dcmread
        from pydicom.errors import InvalidDicomError

        place = Path(path)
        if not place.exists():
            raise FileNotFoundError(f"no such file: {place}; give a DICOM file or the folder of a series")
        files = sorted(each for each in place.iterdir() if each.is_file()) if place.is_dir() else [place]
        found = []
        for file in files:
            try:
                found.append(dcmread(file, stop_before_pixels=True))
            except (InvalidDicomError, OSError, ValueError):
                if not place.is_dir():
                    raise FileFormatError(
                        f"{file} is no DICOM file; give one of the series that was measured"
                    ) from None
        if not found:
            raise FileFormatError(f"no DICOM file in {place}; give the folder of the series that was measured")
        for instance in found:
            lacking = [name for name in _IDENTITY if not instance.get(name)]
            if lacking:
                raise FileFormatError(f"{place} has no {lacking[0]}; a structured report cannot do without it")
        studies = {str(instance.StudyInstanceUID) for instance in found}
        if len(studies) > 1:
            raise FileFormatError(f"{place} holds {len(studies)} studies; give the folder of one series")
        return cls(source=tuple(found))

    @classmethod
    def anonymous(cls, patient_id: str, *, study_uid: str = "") -> SrHeader:
        """An anonymous patient: an ID of the caller's choice, no name, no dates.

        Parameters
        ----------
        patient_id : str
            Such as a study number; not empty.
        study_uid : str
            Study to which the report belongs; by default one made from the ID, the same each time.

        Raises
        ------
        SettingsError
            No ID, or a study UID that is none.
        """
        from pydicom.dataset import Dataset
        from pydicom.uid import UID, generate_uid

        if not patient_id.strip() or len(patient_id) > 64:
            raise SettingsError(f"an anonymous patient needs an ID of 1 to 64 characters; received {patient_id!r}")
        if study_uid and not UID(study_uid).is_valid:
            raise SettingsError(f"{study_uid!r} is no DICOM UID")
        carrier = Dataset()
        study = study_uid or generate_uid(entropy_srcs=["sgcn_core anonymous study", patient_id])
        values = {
            "PatientID": patient_id,
            "PatientName": "",
            "PatientBirthDate": "",
            "PatientSex": "",
            "StudyInstanceUID": study,
            "StudyDate": "",
            "StudyTime": "",
            "StudyID": "",
            "AccessionNumber": "",
            "ReferringPhysicianName": "",
            "PatientIdentityRemoved": "YES",
            "DeidentificationMethod": "no identity was known to sgcn_core",
            "SOPClassUID": _RAW_DATA,
            "SOPInstanceUID": generate_uid(entropy_srcs=["sgcn_core carrier", patient_id, str(study)]),
            "SeriesInstanceUID": generate_uid(entropy_srcs=["sgcn_core series", patient_id, str(study)]),
            "Modality": "OT",
        }
        for name, value in values.items():
            setattr(carrier, name, value)
        return cls(source=(carrier,), referred=False)


def structured_report(found: MeasurementTable, header: SrHeader) -> bytes:
    """The content of a DICOM file: an Enhanced SR document after TID 1500 with every value that was measured.

    Each value has its unit (UCUM) and the two halves of its 95 % interval. Values that are not reliable stand in a
    group of their own that says so; what is missing is not in the report. The UIDs follow from the content.

    Raises
    ------
    InstallationError
        highdicom is not installed.
    """
    hd = require("highdicom")
    from highdicom.sr import EnhancedSR
    from pydicom.uid import generate_uid

    first = header.source[0]
    content = json.dumps(plain(found.as_dict()["measurements"]), sort_keys=True, allow_nan=False)
    entropy = [str(first.StudyInstanceUID), str(first.PatientID), content, __version__]
    document = EnhancedSR(
        evidence=list(header.source),
        content=_content(hd, found)[0],
        series_instance_uid=generate_uid(entropy_srcs=["series", *entropy]),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(entropy_srcs=["instance", *entropy]),
        instance_number=1,
        manufacturer="FacialLandmarks3D",
        is_complete=True,
        is_final=False,
        is_verified=False,
        record_evidence=header.referred,
        series_description="Facial measurements (research use)",
    )
    if not header.referred and "CurrentRequestedProcedureEvidenceSequence" in document:
        del document.CurrentRequestedProcedureEvidenceSequence  # of the carrier, which exists nowhere
    document.SoftwareVersions = f"sgcn_core {__version__}"
    for name in ("PatientIdentityRemoved", "DeidentificationMethod"):
        if first.get(name):
            setattr(document, name, first.get(name))
    stream = io.BytesIO()
    document.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _content(hd: Any, found: MeasurementTable) -> Any:
    from highdicom.sr import (
        DeviceObserverIdentifyingAttributes,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
    )
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    device = ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=generate_uid(entropy_srcs=["sgcn_core", __version__]),
            name="sgcn_core",
            model_name="sgcn_core",
            manufacturer_name="FacialLandmarks3D",
            serial_number=__version__,
        ),
    )
    groups = [
        _group(hd, reliable, [value for value in found.values if value.value is not None and value.status == status])
        for reliable, status in ((True, "ok"), (False, "not reliable"))
    ]
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=device),
        procedure_reported=_code(hd, "anthropometry", "Facial anthropometry from a 3D surface"),
        imaging_measurements=[group for group in groups if group is not None],
        title=codes.DCM.ImagingMeasurementReport,
    )


def _group(hd: Any, reliable: bool, values: Sequence[MeasuredValue]) -> Any:
    """A group of measurements; None where there are none."""
    from highdicom.sr import MeasurementsAndQualitativeEvaluations, QualitativeEvaluation, TrackingIdentifier
    from pydicom.uid import generate_uid

    if not values:
        return None
    word = "reliable" if reliable else "not reliable"
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=generate_uid(entropy_srcs=["group", word, *(f"{value.name}={value.value!r}" for value in values)]),
            identifier=f"facial measurements, {word}",
        ),
        measurements=[_measurement(hd, value) for value in values],
        qualitative_evaluations=[
            QualitativeEvaluation(
                name=_code(hd, "reliability", "Reliability of the measurements"),
                value=_code(hd, word.replace(" ", "_"), f"{word}: the 95 % interval against the measurement's limit"),
            )
        ],
    )


def _measurement(hd: Any, value: MeasuredValue) -> Any:
    from highdicom.sr import Measurement, MeasurementProperties

    number = float(value.value or 0.0)
    unit = hd.sr.CodedConcept(_UCUM[value.measurement.unit][0], "UCUM", _UCUM[value.measurement.unit][1])
    properties = None
    if value.low is not None and value.high is not None and math.isfinite(value.low) and math.isfinite(value.high):
        properties = MeasurementProperties(
            upper_measurement_uncertainty=_decimal(value.high - number),
            lower_measurement_uncertainty=_decimal(number - value.low),
        )
    return Measurement(
        name=_code(hd, value.name, value.measurement.title),
        value=_decimal(number),
        unit=unit,
        properties=properties,
    )


def _code(hd: Any, value: str, meaning: str) -> Any:
    return hd.sr.CodedConcept(value, SCHEME, meaning[:64])


def _decimal(number: float) -> float:
    """Short enough for a decimal string of 16 characters."""
    return float(f"{number:.6g}")
