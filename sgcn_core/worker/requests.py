"""What can be asked of the worker, checked before anything is done."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, get_type_hints

from sgcn_core.worker.channel import LONGEST_REQUEST


class BadRequest(ValueError):
    """A request that is not one; ``identifier`` is its id, None where it could not be read."""

    def __init__(self, message: str, identifier: int | str | None = None) -> None:
        super().__init__(message)
        self.identifier = identifier


@dataclass(frozen=True)
class Hello:
    """Versions, for whoever has to help from afar."""


@dataclass(frozen=True)
class Load:
    """Load a model ahead of its first use.

    Attributes
    ----------
    weights : str or None
        A weights file; the shipped ones by default.
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, or ``"auto"``: the fastest there is.
    """

    weights: str | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Detect:
    """Detect landmarks.

    Attributes
    ----------
    input : str
        A ``.npz`` surface (see ``sgcn_core.worker.surface_file``), any mesh file, or a volume, whose skin is taken.
    landmark_set, seed, refine, unit, initial_landmarks :
        As of ``LandmarkDetector.detect``.
    weights, device : as of `Load`
    output : str or None
        A landmark file to write as well; its suffix decides the format.
    surface : str or None
        A ``.npz`` file to write the surface to that the landmarks lie on, for whoever cannot know it: of a volume.
    """

    input: str
    landmark_set: str = "all"
    seed: int = 0
    refine: str | None = None
    unit: str | None = None
    initial_landmarks: dict | None = None  # type: ignore[type-arg]
    weights: str | None = None
    device: str = "cpu"
    output: str | None = None
    surface: str | None = None


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
class Shutdown:
    """End the worker."""


Request = Hello | Load | Detect | Heatmap | Shutdown
KINDS: dict[str, type[Request]] = {
    "hello": Hello,
    "load": Load,
    "detect": Detect,
    "heatmap": Heatmap,
    "shutdown": Shutdown,
}
_R = TypeVar("_R")


def parse(line: bytes) -> tuple[int | str, Request]:
    """Id and content of a request line.

    Raises
    ------
    BadRequest
        Not JSON, no id, an unknown kind of request, or fields that are missing, unknown or of a wrong type.
    """
    document = _document(line)
    identifier = document.pop("id", None)
    if isinstance(identifier, bool) or not isinstance(identifier, (int, str)):
        raise BadRequest("a request needs an 'id', a number or a text that its answers repeat")
    kind = document.pop("request", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadRequest(f"there is no request {kind!r}; use one of {', '.join(KINDS)}", identifier)
    try:
        return identifier, _filled(KINDS[kind], document)
    except ValueError as error:
        raise BadRequest(f"request {kind!r}: {error}", identifier) from error


def _document(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_REQUEST:
        raise BadRequest(f"a request may have {LONGEST_REQUEST} bytes, this one has more; pass data as files")
    try:
        document = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"a request must be one JSON object in one line: {error}") from error
    if not isinstance(document, dict):
        raise BadRequest(f"a request must be a JSON object, received {type(document).__name__}")
    return document


def _filled(kind: type[_R], values: dict[str, Any]) -> _R:
    """An instance of the dataclass `kind`; ValueError says which field is wrong."""
    types = get_type_hints(kind)
    if unknown := sorted(set(values) - set(types)):
        raise ValueError(f"unknown field {unknown[0]!r}; it may have {', '.join(types) or 'no fields'}")
    for entry in fields(kind):  # type: ignore[arg-type]
        if entry.name not in values:
            if entry.default is MISSING:
                raise ValueError(f"the field {entry.name!r} is missing")
        elif isinstance(values[entry.name], bool) or not isinstance(values[entry.name], types[entry.name]):
            raise ValueError(f"the field {entry.name!r} must be {entry.type}, received {values[entry.name]!r}")
    return kind(**values)
