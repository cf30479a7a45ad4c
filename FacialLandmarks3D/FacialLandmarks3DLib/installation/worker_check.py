"""Asks the worker who it is and lets it load the model, without waiting for it."""

from __future__ import annotations

from typing import Any

from ..worker_client import WorkerClient
from ..worker_events import Event, Failed, Result, WorkerError

Lines = list[tuple[str, str]]


class WorkerCheck:
    """Questions to the worker, one after the other; the caller polls.

    Parameters
    ----------
    client : WorkerClient
        Nothing is asked where it is busy.
    load : bool
        Whether to ask for the model, too.

    Attributes
    ----------
    lines : list of (name, text)
        What the worker said so far.
    passed : bool
        Whether everything was answered well.
    """

    def __init__(self, client: WorkerClient, *, load: bool = True) -> None:
        self._client, self._asked = client, 0
        self._questions: list[tuple[str, dict[str, Any]]] = [("hello", {})]
        if load:
            self._questions.append(("load", {"device": "auto"}))
        self.lines: Lines = []
        self.passed = False
        if client.busy:
            self._questions.clear()
            self.lines.append(("worker", "busy with a detection; check again when that has ended"))
        else:
            self._ask()

    def poll(self) -> bool:
        """Take what has come; True while there is more to come."""
        if self._asked:
            for event in self._client.poll():
                self._take(event)
        return bool(self._asked)

    def wait(self, timeout: float = 120.0) -> None:
        """Wait for the answers, as a script does."""
        while self._asked:
            try:
                self._client.wait(self._take, timeout=timeout)
            except WorkerError:
                continue  # `_take` has noted it

    def _ask(self) -> None:
        kind, fields = self._questions[0]
        self._asked = self._client.request(kind, **fields)

    def _take(self, event: Event) -> None:
        if getattr(event, "identifier", None) != self._asked:
            return
        if isinstance(event, Failed):
            self._asked = 0
            self.lines.append((f"worker, {self._questions[0][0]}", event.error.details))
        elif isinstance(event, Result):
            self._note(self._questions.pop(0)[0], event.value)
            self._asked = 0
            if self._questions:
                self._ask()
            else:
                self.passed = True

    def _note(self, kind: str, value: dict[str, Any]) -> None:
        if kind == "hello":
            packages = ", ".join(f"{name} {version or 'absent'}" for name, version in value["packages"].items())
            self.lines += [
                ("worker", f"sgcn_core {value['version']}, protocol {value['protocol']}"),
                ("worker's Python", f"{value['python']}, {value['executable']}"),
                ("worker's packages", packages),
            ]
        else:
            model = value["model"]
            self.lines.append(
                ("model", f"{len(value['labels'])} landmarks, on {model['device']}, sha256 {model['sha256']}")
            )
