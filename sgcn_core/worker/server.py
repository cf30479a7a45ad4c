"""The worker's loop: one request after the other until there are no more."""

from __future__ import annotations

import os
from typing import Any

from sgcn_core import __version__
from sgcn_core.worker.channel import Answers, RequestLines, reserve_standard_streams
from sgcn_core.worker.failures import describe
from sgcn_core.worker.requests import BadRequest, Shutdown, parse
from sgcn_core.worker.service import PROTOCOL, Service


def serve() -> None:
    """Answer requests on standard input until it ends or a request ends the worker."""
    requests, descriptor = reserve_standard_streams()
    answers = Answers(descriptor)
    lines = RequestLines(requests, answers)
    service = Service()
    answers.send({"answer": "ready", "protocol": PROTOCOL, "version": __version__, "pid": os.getpid()})
    for line in lines:
        if respond(line, service, answers):
            return


def respond(line: bytes, service: Service, answers: Answers) -> bool:
    """Answer one request, with a result or an error; True if it was the last."""
    identifier: int | str | None = None

    def progress(stage: str, fraction: float) -> None:
        answers.send({"id": identifier, "answer": "progress", "stage": stage, "fraction": fraction})

    try:
        identifier, request = parse(line)
        result: dict[str, Any] = service.answer(identifier, request, progress)
        answers.send({"id": identifier, "answer": "result", "result": result})
        return isinstance(request, Shutdown)
    except Exception as error:  # whatever one request does, the worker stays for the next
        if isinstance(error, BadRequest):
            identifier = error.identifier
        answers.send({"id": identifier, "answer": "error", "error": describe(error)})
        return False
