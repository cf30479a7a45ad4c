"""Work around one request to the worker in small steps, and a detection: from a node to a markups node so."""

from __future__ import annotations

import dataclasses
import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..messages import _, sentence
from ..scene.detected import in_ras, turned
from ..scene.landmark_node import LandmarkOutput
from ..scene.provenance import provenance_of
from ..scene.sources import Source
from ..worker.client import WorkerClient
from ..worker.protocol import Failed, Progress, Result, WorkerCancelled, WorkerError

if TYPE_CHECKING:
    from sgcn_core.settings import DetectionSettings

PREPARING, FINISHING = "preparing", "finishing"
# A step that follows another one has to be shorter than the rest of a tenth of a second.
_SECONDS_AT_ONCE = 0.02
_POLL_SECONDS = 0.01


class WorkerJob(ABC):
    """Work that was begun; call :meth:`poll` until it is done.

    Parameters
    ----------
    client : WorkerClient, not busy

    Attributes
    ----------
    done : bool
    error : Exception or None
        Why it failed.
    identifier : int or None
        Of the request to the worker.
    stage, fraction : str, float
        What it is doing, and the share done.
    """

    def __init__(self, client: WorkerClient) -> None:
        self._client = client
        self._steps = self._run()
        self.done = False
        self.error: Exception | None = None
        self.identifier: int | None = None
        self.stage, self.fraction = PREPARING, 0.0

    def poll(self) -> bool:
        """Go on for a few hundredths of a second; True when it has ended."""
        began = time.monotonic()
        while not self.done:
            try:
                waits = next(self._steps)
            except StopIteration:
                self._end(None)
            except (ValueError, RuntimeError, OSError, MemoryError) as error:
                self._end(error)
            else:
                if waits or time.monotonic() - began > _SECONDS_AT_ONCE:
                    break
        return self.done

    def cancel(self) -> None:
        """End it at once, and the worker; nothing is written, and nothing in the scene has been changed."""
        if self.done:
            return
        if self.identifier is not None:
            self._client.cancel()
            self._client.poll()
        self._end(self._stopped(_("Cancelled."), "Cancelled"))

    @abstractmethod
    def _run(self) -> Generator[bool, None, None]:
        """Everything, in steps; yields whether there is something to wait for."""

    @abstractmethod
    def _failure(self, error: WorkerError) -> Exception:
        """What a failure of the worker becomes."""

    @abstractmethod
    def _stopped(self, reason: str, kind: str) -> Exception:
        """What the end by the user ("Cancelled"), or of the worker without an answer ("Crashed"), becomes."""

    @abstractmethod
    def _ended(self) -> None:
        """Called once, however it has ended."""

    def _announce(self, stage: str, fraction: float) -> None:
        self.stage, self.fraction = stage, fraction

    def _ask(self, kind: str, **fields: Any) -> Generator[bool, None, dict[str, Any]]:
        """Ask the worker and wait; returns its result."""
        self.identifier = self._client.request(kind, **fields)
        while (result := self._answer()) is None:
            yield True
        return result

    def _answer(self) -> dict[str, Any] | None:
        """The worker's result once it is there; what `_failure` makes of it where it failed is raised."""
        for event in self._client.poll():
            if isinstance(event, Progress) and event.identifier == self.identifier:
                self._announce(event.stage, event.fraction)
            elif isinstance(event, Result) and event.identifier == self.identifier:
                return event.value
            elif isinstance(event, Failed) and event.identifier == self.identifier:
                raise self._failure(event.error)
        if not self._client.busy:  # somebody else has taken the event
            raise self._stopped(_("The worker was ended."), "Crashed")
        return None

    def _end(self, error: Exception | None) -> None:
        if self.done:
            return
        self.done, self.error = True, error
        if inspect.getgeneratorstate(self._steps) != inspect.GEN_RUNNING:  # it runs where a progress callback cancels
            self._steps.close()
        self._ended()


class LandmarkingError(RuntimeError):
    """A detection failed.

    Attributes
    ----------
    reason : str
        What happened, without what to do about it.
    kind : str
        As of `WorkerError`, or "Changed".
    details : str
        Everything that is known, for a dialog's details and for support.
    """

    def __init__(self, reason: str, *, hint: str = "", kind: str = "Changed", details: str = "") -> None:
        super().__init__(reason if hint in reason else f"{reason} {hint}".strip())
        self.reason, self.kind, self.details = reason, kind, details or reason


class LandmarkingCancelled(LandmarkingError):
    """A detection was cancelled."""


class LandmarkJob(WorkerJob):
    """A detection that was begun.

    Parameters
    ----------
    client : WorkerClient, not busy
    source : Source
    options : DetectionSettings
    output : LandmarkOutput
    folder : Path, for files between here and the worker
    progress : callable, optional, called with stage and share done

    Attributes
    ----------
    node : vtkMRMLMarkupsFiducialNode or None
        The landmarks; None until done, and where it failed.
    error : Exception or None
        LandmarkingError, or ValueError for an input that cannot be used.
    warnings : tuple of str
        What the user should know beside the landmarks.
    done, identifier, stage, fraction : as of `WorkerJob`
    """

    def __init__(
        self,
        client: WorkerClient,
        source: Source,
        options: DetectionSettings,
        output: LandmarkOutput,
        folder: Path,
        progress: Callable[[str, float], None] | None = None,
    ) -> None:
        super().__init__(client)
        self._source, self._options, self._output = source, options, output
        self._folder, self._progress = folder, progress
        self._at_end: list[Callable[[], None]] = []
        self.node: Any = None
        self.warnings: tuple[str, ...] = ()

    def on_end(self, call: Callable[[], None]) -> None:
        """Call something when the detection has ended, however it does."""
        self._at_end.append(call)

    def wait(self, idle: Callable[[], None] | None = None) -> Any:
        """Wait for the landmarks.

        Parameters
        ----------
        idle : callable, optional
            Called again and again meanwhile, such as ``slicer.app.processEvents``.

        Returns
        -------
        vtkMRMLMarkupsFiducialNode

        Raises
        ------
        LandmarkingError, ValueError, OSError
            It failed.
        """
        try:
            while not self.poll():
                if idle is not None:
                    idle()
                time.sleep(_POLL_SECONDS)
        except BaseException:  # Ctrl+C, or what `idle` raises: nothing goes on unseen
            self.cancel()
            raise
        return self.result()

    def result(self) -> Any:
        """The landmarks of a detection that is done; raises what made it fail."""
        if not self.done:
            raise RuntimeError("the detection is still running")
        if self.error is not None:
            raise self.error
        return self.node

    def _failure(self, error: WorkerError) -> LandmarkingError:
        kind = LandmarkingCancelled if isinstance(error, WorkerCancelled) else LandmarkingError
        return kind(sentence(error.message), hint=error.remedy, kind=error.kind, details=error.details)

    def _stopped(self, reason: str, kind: str) -> LandmarkingError:
        return (LandmarkingCancelled if kind == "Cancelled" else LandmarkingError)(reason, kind=kind)

    def _ended(self) -> None:
        for call in self._at_end:
            call()

    def _run(self) -> Generator[bool, None, None]:
        self._announce(PREPARING, 0.0)
        for _step in self._source.write(self._folder):
            yield False
        result = yield from self._ask("detect", **self._fields())
        self._announce(FINISHING, 0.99)
        yield False
        yield from self._finish(result)

    def _fields(self) -> dict[str, Any]:
        return {
            **request_fields(self._options),
            **self._source.fields(),
            "initial_landmarks": self._initial_landmarks(),
        }

    def _initial_landmarks(self) -> dict[str, list[float]] | None:
        given = self._options.initial_landmarks
        if not isinstance(given, Mapping):
            return None
        return {label: turned(position, self._source.frame) for label, position in given.items()}

    def _finish(self, result: Mapping[str, Any]) -> Generator[bool, None, None]:
        source = self._source
        if not self._output.input_is_there():
            raise LandmarkingError(_("The input was removed during the detection."))
        if not source.is_as_it_was():
            raise LandmarkingError(
                _("{name!r} was moved or changed during the detection; place the landmarks again.").format(
                    name=source.node.GetName()
                )
            )
        found = in_ras(result)
        provenance = provenance_of(
            found,
            landmark_set=self._options.landmark_set,
            input_name=source.node.GetName(),
            mirrored=source.mirrored,
            notes=source.warnings,
        )
        steps = source.surface_steps()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                surface = end.value
                break
            yield False
        yield False
        self.node = self._output.write(found, surface, provenance)
        self.warnings = provenance.notes

    def _announce(self, stage: str, fraction: float) -> None:
        super()._announce(stage, fraction)
        if self._progress is not None:
            self._progress(stage, fraction)
        if self.done:
            raise self._stopped(_("Cancelled."), "Cancelled")


def request_fields(settings: DetectionSettings) -> dict[str, Any]:
    """The settings as fields of a `detect` request, see ``docs/worker.md``; initial landmarks need a frame first."""
    fields = {each.name: getattr(settings, each.name) for each in dataclasses.fields(settings)}
    fields.pop("initial_landmarks")
    if fields["preset"] == "default":
        fields.pop("preset")
    return fields
