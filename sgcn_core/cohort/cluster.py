"""More than one machine: cases sent to the workers of a Dask scheduler, which see the same folders as this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sgcn_core.cohort.case import Case
from sgcn_core.cohort.errors import CohortError
from sgcn_core.cohort.record import CaseRecord
from sgcn_core.cohort.work import WORK, function_of
from sgcn_core.errors import NOT_USABLE, InstallationError
from sgcn_core.settings import DetectionSettings

ANSWERS_WITHIN = "30s"


def run_on_cluster(
    cases: Sequence[Case], settings: DetectionSettings, *, address: str, work: str = WORK
) -> Iterator[CaseRecord]:
    """Yield the record of every case as soon as it is known, in any order.

    A worker that is lost is no loss: the scheduler gives its cases to others.

    Parameters
    ----------
    cases : sequence of Case
        With absolute paths that all machines know.
    settings : DetectionSettings
    address : str
        Of the scheduler, such as ``tcp://node1:8786``.
    work : str
        As of ``sgcn_core.cohort.processes.run_in_processes``.

    Raises
    ------
    InstallationError
        Dask is not installed here, or ``sgcn_core`` not there.
    CohortError
        The scheduler does not answer.
    DeviceError, ModelError
        No case can be worked on.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise InstallationError("--scheduler needs Dask: pip install 'sgcn-core[cluster]'") from error
    try:
        client = Client(address, timeout=ANSWERS_WITHIN, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CohortError(f"the scheduler {address} does not answer; is it running, and the address right?") from error
    with client, client.as_current():
        futures = {client.submit(_work, work, case, settings, pure=False): case for case in cases}
        for future in as_completed(futures):
            case, failure = futures.pop(future), future.exception()
            if isinstance(failure, NOT_USABLE):
                client.cancel(list(futures))
                raise failure
            yield future.result() if failure is None else _lost(case, failure)
            future.release()


def _work(name: str, case: Case, settings: DetectionSettings) -> CaseRecord:
    return function_of(name)(case, settings)


def _lost(case: Case, error: BaseException) -> CaseRecord:
    """A case that killed several workers, or that none could begin."""
    return CaseRecord(case=case.name, status="failed", error=f"the cluster gave it up: {type(error).__name__}: {error}")
