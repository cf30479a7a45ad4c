"""Files that a command writes, checked before any work: nothing is replaced unasked, and no input ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sgcn_core.batch import PlanError, check_outputs
from sgcn_core.io.atomic import FileState, file_state


def checked_states(
    outputs: Mapping[str, Path | None], inputs: Iterable[Path | None], *, overwrite: bool
) -> dict[str, FileState]:
    """The present state of each output that is given, by its option.

    Raises
    ------
    PlanError
        An output is an input or another output, belongs to an input, or exists while `overwrite` is false.
    """
    given = {option: path for option, path in outputs.items() if path is not None}
    check_outputs(list(given.values()), [path for path in inputs if path is not None])
    states = {option: file_state(path) for option, path in given.items()}
    for option, state in states.items():
        if state.exists and not overwrite:
            raise PlanError(f"{given[option]} exists; give --overwrite to replace it, or another {option}")
    return states
