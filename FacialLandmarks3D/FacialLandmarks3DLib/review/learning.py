"""Manual corrections as lessons: the corrected landmarks of the scene, and the worker that learns from them."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..detection.job import WorkerJob
from ..messages import _, sentence
from ..scene.detected import accepted_positions, moved_by_hand
from ..scene.files import surface_file_steps
from ..scene.landmark_surface import has_changed, surface_of
from ..scene.nodes import ReviewError, is_there, labels_of, world_position
from ..scene.world_surface import world_surface_steps
from ..worker.client import WorkerClient
from ..worker.protocol import WorkerError

SUFFIX = ".safetensors"
_KIND = "vtkMRMLMarkupsFiducialNode"


@dataclass(frozen=True, eq=False)
class Corrected:
    """Landmarks that somebody has corrected, and the model that they lie on.

    Attributes
    ----------
    node : vtkMRMLMarkupsFiducialNode
    model : vtkMRMLModelNode
    """

    node: Any
    model: Any


def corrected_in(scene: Any) -> list[Corrected]:
    """The landmark nodes of a scene that a hand has moved landmarks of, with their models.

    Raises
    ------
    ReviewError
        There is none, or a model is gone or has changed since the detection.
    """
    found = []
    for number in range(scene.GetNumberOfNodesByClass(_KIND)):
        node = scene.GetNthNodeByClass(number, _KIND)
        if not _moved(node):
            continue
        model = surface_of(node)
        if model is None or has_changed(node, model):
            raise ReviewError(
                _("The model of {name!r} is gone or has changed since the detection; load it again.").format(
                    name=node.GetName()
                )
            )
        found.append(Corrected(node, model))
    if not found:
        raise ReviewError(_("No landmarks of this scene have manual corrections; drag some to where you see them."))
    return found


def labels_to_learn(corrected: list[Corrected]) -> frozenset[str]:
    """Labels that a hand has moved, or somebody has accepted, on any of the scans.

    Where such a landmark was left in its place on another scan that was corrected, it is right there. Of all others
    nobody knows whether somebody has looked at them.
    """
    return frozenset(label for each in corrected for label in (*_moved(each.node), *accepted_positions(each.node)))


def write_landmark_table(node: Any, labels: frozenset[str], path: Path) -> None:
    """The landmarks with these labels that are there, in the world, as a table without frame and unit."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "x", "y", "z"])
        for place, label in enumerate(labels_of(node)):
            if label in labels and is_there(node, place):
                table.writerow([label, *(repr(float(value)) for value in world_position(node, place))])


def _moved(node: Any) -> list[str]:
    """Landmarks that were dragged; one that was taken away, or placed where none was found, teaches nothing."""
    return [label for label, distance in moved_by_hand(node).items() if distance is not None]


class LearningJob(WorkerJob):
    """Learning that was begun; call :meth:`poll` until it is done.

    Parameters
    ----------
    client : WorkerClient, not busy
    corrected : list of Corrected
    output : Path of the weights file to write; one that is there is replaced
    weights, device, seed : of the detection

    Attributes
    ----------
    result : the worker's answer, see ``docs/worker.md``; None until done, and where it failed
    done, error, identifier, stage, fraction : as of `WorkerJob`
    """

    def __init__(
        self,
        client: WorkerClient,
        corrected: list[Corrected],
        output: Path,
        *,
        weights: str | None = None,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__(client)
        self._corrected, self._output = corrected, output
        self._fields = {"weights": weights, "device": device, "seed": seed, "overwrite": True}
        self._folder = tempfile.TemporaryDirectory(prefix="fl3d-", ignore_cleanup_errors=True)
        self.result: Mapping[str, Any] | None = None

    def _run(self) -> Generator[bool, None, None]:
        cases: list[dict[str, str]] = []
        for _step in self._write(cases):
            yield False
        self.result = yield from self._ask("adapt", cases=cases, output=self._output, **self._fields)

    def _write(self, cases: list[dict[str, str]]) -> Iterator[None]:
        labels = labels_to_learn(self._corrected)
        for number, each in enumerate(self._corrected):
            scan, table = (Path(self._folder.name) / f"{number}{suffix}" for suffix in (".npz", ".csv"))
            surface = yield from world_surface_steps(each.model)
            yield from surface_file_steps(scan, surface.points, surface.triangles)
            write_landmark_table(each.node, labels, table)
            cases.append({"name": each.node.GetName(), "input": str(scan), "landmarks": str(table)})

    def _failure(self, error: WorkerError) -> ReviewError:
        return ReviewError(sentence(str(error)))

    def _stopped(self, reason: str, kind: str) -> ReviewError:
        return ReviewError(reason)

    def _ended(self) -> None:
        self._folder.cleanup()


def outcome(result: Mapping[str, Any]) -> str:
    """What was learnt, and which scans were left out, for the user."""
    texts = [str(result["summary"])]
    if refused := result.get("refused"):
        reasons = "; ".join(f"{name}: {why}" for name, why in refused.items())
        texts.append(_("Not learnt from: {reasons}.").format(reasons=reasons))
    texts += [sentence(str(note)) for note in result.get("notes") or ()]
    return " ".join(texts)
