"""Many inputs, one after the other: what is read and written is planned before work starts; one failure stops nothing.

Used by the command line, the CLI module and the panel of 3D Slicer, and the worker. Loads neither torch nor VTK.
"""

from __future__ import annotations

from sgcn_core.batch.models import Loaded, Models, fastest_device
from sgcn_core.batch.outcome import (
    DEBUG_HINT,
    EXIT_CODE_MEANINGS,
    ExitCode,
    Outcome,
    code_of,
    describe,
    exit_code,
    totals,
)
from sgcn_core.batch.plan import Job, PlanError, Request, check_outputs, plan
from sgcn_core.batch.run import Progress, run_job
from sgcn_core.batch.table import write_table

__all__ = [
    "DEBUG_HINT",
    "EXIT_CODE_MEANINGS",
    "ExitCode",
    "Job",
    "Loaded",
    "Models",
    "Outcome",
    "PlanError",
    "Progress",
    "Request",
    "check_outputs",
    "code_of",
    "describe",
    "exit_code",
    "fastest_device",
    "plan",
    "run_job",
    "totals",
    "write_table",
]
