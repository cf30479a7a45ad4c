"""A worker process: settings first, then cases, each one line of JSON on stdin; the answers are lines on stdout."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from sgcn_core.cohort.case import Case
from sgcn_core.cohort.work import function_of
from sgcn_core.errors import SgcnError
from sgcn_core.settings import DetectionSettings


def main() -> None:
    """Work until stdin ends."""
    answers = _own_stdout()
    first = json.loads(sys.stdin.readline())
    work = function_of(first["work"])
    for line in sys.stdin:
        try:
            settings = DetectionSettings(**first["settings"])
            answer = work(Case.from_dict(json.loads(line)), settings).as_dict()
        except SgcnError as error:  # what is wrong with one case is in its record: no case can be worked on
            answer = {"fatal": str(error), "kind": type(error).__name__}
        _answer(answers, answer)


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
