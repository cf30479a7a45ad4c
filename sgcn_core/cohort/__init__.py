"""Cohorts: many cases at once, by several processes or machines; nothing is lost when one of them is, or the whole run.

A folder of results holds one landmark file a case, ``summary.csv`` and the journal ``batch.jsonl``, from which an
interrupted run goes on. Loads neither torch nor VTK.
"""

from __future__ import annotations

from sgcn_core.cohort.case import Case, run_case
from sgcn_core.cohort.errors import CohortError
from sgcn_core.cohort.planning import cases_of, read_list
from sgcn_core.cohort.record import CaseRecord
from sgcn_core.cohort.run import Cohort, run_cohort
from sgcn_core.cohort.summary import write_summary

__all__ = [
    "Case",
    "CaseRecord",
    "Cohort",
    "CohortError",
    "cases_of",
    "read_list",
    "run_case",
    "run_cohort",
    "write_summary",
]
