"""By what, and how, the landmarks of a markups node were placed; its attributes keep it, and scene files too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

PREFIX = "FacialLandmarks3D."


@dataclass(frozen=True)
class Provenance:
    """What a reader needs to get the same landmarks again.

    Attributes
    ----------
    model : name of the method
    version : of sgcn_core
    weights_sha256 : of the weights file
    landmark_set : as asked for
    seed : of the surface sampling
    refinement : from heatmap to position
    device : that the network ran on
    input : name of the model node
    mirrored : whether the model's transforms mirrored it
    notes : what the worker and the reading of the model had to say
    unit : of the numbers in the scene, which Slicer takes for millimetres
    errors_hold_observers : whether the stated errors hold what trained observers disagree by
    """

    model: str = ""
    version: str = ""
    weights_sha256: str = ""
    landmark_set: str = ""
    seed: int = 0
    refinement: str = ""
    device: str = ""
    input: str = ""
    mirrored: bool = False
    notes: tuple[str, ...] = ()
    unit: str = "mm"
    errors_hold_observers: bool = False


def provenance_of(
    result: Mapping[str, Any],
    *,
    landmark_set: str,
    input_name: str,
    mirrored: bool = False,
    notes: tuple[str, ...] = (),
) -> Provenance:
    """The provenance in a result of the worker's ``detect``, see ``docs/worker.md``."""
    info, model = result.get("info") or {}, result.get("model") or {}
    return Provenance(
        model=str(info.get("model", "")),
        version=str(info.get("version", "")),
        weights_sha256=str(info.get("weights_sha256") or model.get("sha256") or ""),
        landmark_set=landmark_set,
        seed=int(info.get("seed", 0)),
        refinement=str(info.get("refine", "")),
        device=str(model.get("device", "")),
        input=input_name,
        unit=str(result.get("unit", "mm")),
        mirrored=mirrored,
        notes=(*notes, *result.get("notes", ())),
        errors_hold_observers=info.get("errors_hold_observers") is True,
    )


def write_provenance(node: Any, provenance: Provenance) -> None:
    """Set one attribute for each field; what is no text is written as JSON."""
    for name, value in asdict(provenance).items():
        node.SetAttribute(PREFIX + name, value if isinstance(value, str) else json.dumps(value))


def read_provenance(node: Any) -> Provenance | None:
    """What :func:`write_provenance` wrote, None where the node has no such attributes."""
    if node.GetAttribute(PREFIX + "version") is None:
        return None
    given = {field.name: node.GetAttribute(PREFIX + field.name) for field in fields(Provenance)}
    values = {name: _value(name, text) for name, text in given.items() if text is not None}
    return Provenance(**values)


def unit_in_mm(node: Any) -> float:
    """Millimetres in one unit of the scene's numbers: not 1 where a scan was loaded whose numbers are metres."""
    from sgcn_core.types.units import canonical_unit, in_mm

    return in_mm(canonical_unit(node.GetAttribute(PREFIX + "unit") or "") or "mm")


def _value(name: str, text: str) -> Any:
    default = getattr(Provenance, name)
    if isinstance(default, str):
        return text
    value = json.loads(text)
    return tuple(value) if isinstance(default, tuple) else value
