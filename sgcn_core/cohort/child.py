"""A worker process: settings first, then cases, each one line of JSON on stdin; the answers are lines on stdout."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from sgcn_core.cohort.case import Case, load_model
from sgcn_core.cohort.work import WORK, function_of
from sgcn_core.errors import SgcnError
from sgcn_core.settings import DetectionSettings


def main() -> None:
    """Work until stdin ends."""
    answers = _own_stdout()
    first = json.loads(sys.stdin.readline())
    work = function_of(first["work"])
    try:
        settings = DetectionSettings(**first["settings"])
        if first["work"] == WORK:
            load_model(settings)
    except SgcnError as error:
        _answer(answers, {"error": str(error), "kind": type(error).__name__})
        return
    _answer(answers, {"ready": True})
    for line in sys.stdin:
        _answer(answers, work(Case.from_dict(json.loads(line)), settings).as_dict())


def _own_stdout() -> TextIO:
    """Stdout for the answers alone: whatever else writes there goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return answers


def _answer(stream: TextIO, message: dict[str, Any]) -> None:
    stream.write(json.dumps(message) + "\n")
    stream.flush()


if __name__ == "__main__":
    main()
