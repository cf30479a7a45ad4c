"""What the panel says of a case."""

from __future__ import annotations

from ..translation import _
from .cases import CANCELLED, FAILED, OK, REFUSED, RUNNING, WAITING, Case


def status_word(case: Case) -> str:
    """The status for the list."""
    return {
        WAITING: _("waiting"),
        RUNNING: _("running"),
        OK: _("done"),
        REFUSED: _("refused"),
        FAILED: _("failed"),
        CANCELLED: _("cancelled"),
    }[case.status]


def to_check(case: Case) -> int | None:
    """How many landmarks need somebody's eye; None where that is not known."""
    if not case.counts:
        return None
    return case.counts.get("uncertain", 0) + case.counts.get("missing", 0)


def batch_sentence(cases: list[Case]) -> str:
    """How a batch stands."""
    number = {status: sum(case.status == status for case in cases) for status in (OK, REFUSED, FAILED, CANCELLED)}
    text = _("{done} of {total} cases done").format(done=number[OK], total=len(cases))
    more = {
        REFUSED: _("{count} refused"),
        FAILED: _("{count} failed"),
        CANCELLED: _("{count} cancelled"),
    }
    return ", ".join([text, *(more[status].format(count=number[status]) for status in more if number[status])]) + "."
