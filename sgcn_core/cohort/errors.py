"""Errors of a cohort as a whole."""

from __future__ import annotations

from sgcn_core.errors import SgcnError


class CohortError(SgcnError):
    """The batch cannot begin or go on; the message says why and what to do."""
