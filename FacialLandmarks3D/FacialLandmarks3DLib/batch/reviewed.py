"""The landmark file of a case as a markups node for review, and back with the manual corrections."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from ..messages import _
from ..scene.detected import facing_in_ras
from ..scene.landmark_node import write_landmarks
from ..scene.nodes import place_beside
from ..scene.provenance import PREFIX, Provenance, provenance_of

_CORE = "sgcn_core"
_ATTRIBUTES = "slicer_attributes"
_UNITS = PREFIX + "file_units"
# Landmarks lie on the surface; a file of another scan lies elsewhere.
_MOST_BEYOND = 0.2


class CaseError(ValueError):
    """A case cannot be reviewed or saved; the message says what to do."""


def read_case(node: Any, path: Path, surface_node: Any) -> None:
    """Fill a markups node with the landmarks of a case.

    Landmarks that were saved by :func:`save_case` come back with everything that was known of them: where they had been
    placed first, what was accepted, what is locked.

    Parameters
    ----------
    node : vtkMRMLMarkupsFiducialNode, new in the scene of the surface
    path : Path
        A ``.mrk.json`` file of a batch.
    surface_node : vtkMRMLModelNode
        The model, or the skin of the volume, of the case.

    Raises
    ------
    CaseError
        The file cannot be read, or does not belong to the surface.
    """
    markup = _markup_of(path)
    result, factor = _fitting(path, surface_node)
    attributes = markup.get(_CORE, {}).get(_ATTRIBUTES) or {}
    write_landmarks(node, result, surface_node, _provenance(result, surface_node))
    if factor == 1.0:
        node.SetAttribute(_UNITS, json.dumps(markup.get("coordinateUnits") or "mm"))
    if attributes:
        _restore(node, path, attributes, surface_node)


def save_case(node: Any, path: Path) -> None:
    """Write the landmarks back to their file, with all that is needed to go on reviewing; the file appears whole.

    Raises
    ------
    CaseError
        The file that was there cannot be read, or the new one cannot be written.
    """
    info = _markup_of(path).get(_CORE, {}).get("info") or {}
    temporary = path.with_name(f".{secrets.token_hex(6)}.mrk.json")
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    storage.SetFileName(str(temporary))
    try:
        if not storage.WriteData(node):
            raise CaseError(_("{path} cannot be written; check the folder and the disk.").format(path=path))
        document = json.loads(temporary.read_text(encoding="utf-8"))
        markup = document["markups"][0]
        markup[_CORE] = {"info": info, _ATTRIBUTES: _attributes_of(node)}
        if node.GetAttribute(_UNITS):
            markup["coordinateUnits"] = json.loads(node.GetAttribute(_UNITS))
        temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
        os.replace(temporary, path)
    except OSError as error:
        raise CaseError(_("{path} cannot be written: {reason}").format(path=path, reason=error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def state_of(node: Any) -> str:
    """What saving would keep of the review; differs after something was changed by hand."""
    points = [
        (
            node.GetNthControlPointLabel(place),
            node.GetNthControlPointPositionStatus(place),
            node.GetNthControlPointPosition(place),
            node.GetNthControlPointLocked(place),
        )
        for place in range(node.GetNumberOfControlPoints())
    ]
    return json.dumps([points, _attributes_of(node)])


def _markup_of(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        markup = next(each for each in document["markups"] if each.get("type") == "Fiducial")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, StopIteration) as error:
        raise CaseError(
            _("{path} cannot be read as landmarks ({reason}); run the batch on this case again.").format(
                path=path, reason=error or type(error).__name__
            )
        ) from error
    assert isinstance(markup, dict)
    return markup


def _fitting(path: Path, surface_node: Any) -> tuple[dict[str, Any], float]:
    """The landmarks as a result of the worker in Slicer's world, and the factor between their numbers and Slicer's.

    A file keeps the unit of its scan. Slicer takes the numbers of a scan as millimetres, except from an OBJ file that
    names its unit, which Slicer 5.13 and later convert.
    """
    from sgcn_core.errors import SgcnError
    from sgcn_core.io.markups import read_landmarks
    from sgcn_core.types.units import in_mm

    try:
        in_file = read_landmarks(path)
        landmarks = in_file.in_frame("RAS")
    except (SgcnError, OSError, ValueError) as error:
        raise CaseError(_("{reason}; run the batch on this case again.").format(reason=error)) from error
    result = {**landmarks.as_dict(), "facing": facing_in_ras(in_file.info, in_file.frame)}
    for factor in (1.0, in_mm(landmarks.unit)):
        if _lies_on(landmarks.positions * factor, surface_node):
            return _scaled({**result, "unit": landmarks.unit if factor == 1.0 else "mm"}, factor), factor
    raise CaseError(
        _("The landmarks in {path} do not lie on {name!r}; was the scan replaced? Run the batch on it again.").format(
            path=path, name=surface_node.GetName()
        )
    )


def _lies_on(positions: np.ndarray, surface_node: Any) -> bool:
    there = positions[np.isfinite(positions).all(axis=1)]
    polydata = surface_node.GetPolyData()
    if polydata is None or polydata.GetNumberOfPoints() == 0:
        return False
    bounds = np.array(polydata.GetBounds()).reshape(3, 2)
    margin = _MOST_BEYOND * (bounds[:, 1] - bounds[:, 0]).max()
    inside = ((there >= bounds[:, 0] - margin) & (there <= bounds[:, 1] + margin)).all()
    # Landmarks in metres on a scan in millimetres would crowd in its middle.
    wide = len(there) < 4 or np.ptp(there, axis=0).max() > margin / 2
    return bool(inside and wide)


def _scaled(result: Mapping[str, Any], factor: float) -> dict[str, Any]:
    landmarks = [
        {**each, "position": each["position"] and [value * factor for value in each["position"]]}
        for each in result["landmarks"]
    ]
    return {**result, "landmarks": landmarks}


def _provenance(result: Mapping[str, Any], surface_node: Any) -> Provenance:
    from sgcn_core.types.landmark_sets import LANDMARK_SETS, LandmarkSet

    labels = tuple(landmark["label"] for landmark in result["landmarks"])
    known = (name for name in LANDMARK_SETS if LandmarkSet.load(name).labels == labels)
    return provenance_of(result, landmark_set=next(known, ""), input_name=surface_node.GetName())


def _restore(node: Any, path: Path, attributes: Mapping[str, str], surface_node: Any) -> None:
    """Everything as it was when it was saved: points with their locks, and the attributes."""
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    storage.SetFileName(str(path))
    if not storage.ReadData(node):
        raise CaseError(_("{path} cannot be read as landmarks; run the batch on this case again.").format(path=path))
    for place in range(node.GetNumberOfControlPoints()):
        node.SetNthControlPointAssociatedNodeID(place, surface_node.GetID())
    for name, text in attributes.items():
        node.SetAttribute(name, text)
    node.SetFixedNumberOfControlPoints(True)
    place_beside(node, surface_node)


def _attributes_of(node: Any) -> dict[str, str]:
    names = [name for name in node.GetAttributeNames() if name.startswith(PREFIX)]
    return {name: node.GetAttribute(name) for name in sorted(names)}
