"""Requests of the worker, checked before anything is done."""

from __future__ import annotations

import json
import types
import typing
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from sgcn_core.settings import DetectionSettings

LONGEST_REQUEST = 1 << 20
"""Bytes of one request; a longer line is answered with an error."""

_CASE = dict.fromkeys(("name", "input", "landmarks")).keys()


class BadRequest(ValueError):
    """Not JSON, no id, an unknown request, or fields that are missing, unknown or of a wrong type."""


@dataclass(frozen=True)
class Hello:
    """Versions of the worker, Python and the packages, for support."""


@dataclass(frozen=True)
class Load:
    """Load a model ahead of its first use.

    Attributes
    ----------
    weights : str or None
        A weights file; the shipped one by default.
    device : str
        Compute device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, or ``"auto"`` for the fastest.
    """

    weights: str | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Detect:
    """Detect landmarks. In a request, each setting is a field of its own.

    Attributes
    ----------
    input : str
        A ``.npz`` surface (see ``sgcn_core.worker.surface_file``), any mesh file, or a volume, whose skin is taken.
    output : str or None
        A landmark file to write as well; its suffix decides the format.
    surface : str or None
        A ``.npz`` file for the surface of the landmarks, such as the skin of a volume.
    overwrite : bool
        Whether a landmark file that exists when the work begins is replaced; one that is saved later never is.
    settings : DetectionSettings
    """

    input: str
    output: str | None = None
    surface: str | None = None
    overwrite: bool = True
    settings: DetectionSettings = field(default_factory=DetectionSettings)


@dataclass(frozen=True)
class Heatmap:
    """Heatmap of one landmark on the vertices of an input that was detected shortly before.

    Attributes
    ----------
    detection : int or str
        The id of that `detect` request.
    label : str
    output : str
        The ``.npy`` file to write: float32 (P,), one value per vertex of the input, 0 to about 1.
    """

    detection: int | str
    label: str
    output: str


@dataclass(frozen=True)
class Adapt:
    """Learn an annotator's definitions from corrected scans, and write the weights that place landmarks so.

    Attributes
    ----------
    cases : list
        Of each scan an object with ``name``, ``input`` (as of `detect`) and ``landmarks``: a landmark file. A table
        without frame and unit is in the scan's own.
    output : str
        The weights file to write.
    weights, device : as of `load`
    overwrite : bool
        Whether a file that exists when the work begins is replaced.
    seed : int
    """

    cases: list[dict[str, str]]
    output: str
    weights: str | None = None
    device: str = "cpu"
    overwrite: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for case in self.cases:
            if not (isinstance(case, dict) and set(case) == _CASE and all(isinstance(it, str) for it in case.values())):
                raise BadRequest(f"request 'adapt': a case must be an object of {', '.join(_CASE)}, received {case!r}")


@dataclass(frozen=True)
class Shutdown:
    """End the worker."""


Request = Hello | Load | Detect | Heatmap | Adapt | Shutdown
KINDS: dict[str, type[Request]] = {
    "hello": Hello,
    "load": Load,
    "detect": Detect,
    "heatmap": Heatmap,
    "adapt": Adapt,
    "shutdown": Shutdown,
}
_R = TypeVar("_R")


def identify(line: bytes) -> tuple[int | str | None, dict[str, Any]]:
    """Id and other fields of a request line; the id is None where it is missing or impossible.

    Raises
    ------
    BadRequest
        The line is not a JSON object.
    """
    if len(line) > LONGEST_REQUEST:
        raise BadRequest(f"a request may have {LONGEST_REQUEST} bytes, this one has more; pass data as files")
    try:
        document = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"a request must be one JSON object in one line: {error}") from error
    if not isinstance(document, dict):
        raise BadRequest(f"a request must be a JSON object, received {type(document).__name__}")
    identifier = document.pop("id", None)
    usable = isinstance(identifier, (int, str)) and not isinstance(identifier, bool)
    return identifier if usable else None, document


def request_in(identifier: int | str | None, document: dict[str, Any]) -> Request:
    """The request made of these fields.

    Raises
    ------
    BadRequest
        No id, an unknown request, or fields that are missing, unknown or of a wrong type.
    SettingsError, LandmarkError
        A setting has an invalid value.
    """
    if identifier is None:
        raise BadRequest("a request needs an 'id', an integer or a string that its answers repeat")
    values = dict(document)
    name = values.pop("request", None)
    if not isinstance(name, str) or name not in KINDS:
        raise BadRequest(f"unknown request {name!r}; use one of {', '.join(KINDS)}")
    kind = KINDS[name]
    if kind is not Detect:
        return _filled(kind, values, name)
    options = {key: values.pop(key) for key in list(values) if key in get_type_hints(DetectionSettings)}
    if "settings" in values:
        raise BadRequest(f"request {name!r}: unknown field 'settings'; give each setting as a field of the request")
    _check_types(DetectionSettings, options, name)
    _check_types(Detect, values, name)
    try:
        return Detect(settings=DetectionSettings(**options), **values)
    except TypeError as error:
        raise BadRequest(f"request {name!r}: invalid field 'initial_landmarks': {error}") from error


def _filled(kind: type[_R], values: dict[str, Any], name: str) -> _R:
    _check_types(kind, values, name)
    return kind(**values)


def _check_types(kind: type, values: dict[str, Any], name: str) -> None:
    """BadRequest unless the values are fields of the dataclass `kind`, of their types, and none is missing."""
    hints = get_type_hints(kind)
    if unknown := sorted(set(values) - set(hints)):
        raise BadRequest(f"request {name!r}: unknown field {unknown[0]!r}; it may have {', '.join(hints) or 'none'}")
    for entry in fields(kind):
        if entry.name not in values:
            if entry.default is MISSING and entry.default_factory is MISSING:
                raise BadRequest(f"request {name!r}: the field {entry.name!r} is missing")
        elif not _fits(values[entry.name], hints[entry.name]):
            received = values[entry.name]
            raise BadRequest(f"request {name!r}: the field {entry.name!r} must be {entry.type}, received {received!r}")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value has this type; the entries of a mapping are not checked."""
    if get_origin(hint) in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    kind = get_origin(hint) or hint
    kind = (int, float) if kind is float else kind
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
