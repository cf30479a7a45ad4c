"""What is done with a case, by name, so that every process can import it."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from sgcn_core.cohort.case import Case
from sgcn_core.cohort.record import CaseRecord
from sgcn_core.settings import DetectionSettings

WORK = "sgcn_core.cohort.case:run_case"


def function_of(name: str) -> Callable[[Case, DetectionSettings], CaseRecord]:
    """The function ``module:function``."""
    module, _, function = name.partition(":")
    found: Callable[[Case, DetectionSettings], CaseRecord] = getattr(importlib.import_module(module), function)
    return found
