"""Asks the worker for the heatmap of a landmark, without waiting for it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..translation import _
from ..worker_client import WorkerClient
from ..worker_events import Failed, Result
from .points import ReviewError


def _forgotten() -> ReviewError:
    return ReviewError(
        _(
            "The worker has this detection no longer: it keeps the last four and forgets them when it ends. Place the "
            "landmarks again, then show the heatmap."
        )
    )


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Values of one landmark, one for each point of the surface that the worker had: 0 to about 1."""

    label: str
    values: np.ndarray


class HeatmapRequest:
    """One request at a time; :meth:`poll` until it is answered.

    Parameters
    ----------
    worker : callable
        Gives the client of the worker that is kept.
    """

    def __init__(self, worker: Callable[[], WorkerClient]) -> None:
        self._worker = worker
        self._folder: Path | None = None
        self._identifier: int | None = None
        self._label = ""

    @property
    def busy(self) -> bool:
        """Whether an answer is to come."""
        return self._identifier is not None

    def start(self, detection: int | str | None, label: str) -> None:
        """Ask for the heatmap of a landmark.

        Parameters
        ----------
        detection : id of the ``detect`` request, None where it is not known any more
        label : of the landmark

        Raises
        ------
        ReviewError
            The worker has ended or is busy, or this detection is not known.
        """
        if detection is None:
            raise _forgotten()
        client = self._worker()
        if client.busy or self.busy:
            raise ReviewError(_("The worker is busy; show the heatmap when it has finished."))
        if not client.running:
            raise _forgotten()
        self._label, self._folder = label, Path(tempfile.mkdtemp(prefix="FacialLandmarks3D-"))
        self._identifier = client.request(
            "heatmap", detection=detection, label=label, output=self._folder / "heatmap.npy"
        )

    def poll(self) -> Heatmap | None:
        """The heatmap once it is there, None before.

        Raises
        ------
        ReviewError
            It cannot be had; the message says why.
        """
        if not self.busy:
            return None
        for event in self._worker().poll():
            if isinstance(event, Result) and event.identifier == self._identifier:
                return self._read()
            if isinstance(event, Failed) and event.identifier in (self._identifier, None):
                self.forget()
                raise _forgotten() if event.error.kind == "UnknownDetectionError" else ReviewError(str(event.error))
        if not self._worker().busy:  # somebody else has taken the answer
            self.forget()
            raise _forgotten()
        return None

    def forget(self) -> None:
        """Take no notice of the answer; the worker itself is left alone."""
        folder, self._folder, self._identifier = self._folder, None, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _read(self) -> Heatmap:
        try:
            values = np.load(str(self._folder and self._folder / "heatmap.npy"), allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ReviewError(_("The heatmap's file could not be read: {error}").format(error=error)) from error
        finally:
            self.forget()
        return Heatmap(self._label, np.asarray(values, dtype=np.float32).ravel())
