"""`sgcn-landmarks doctor`: what is installed, and whether it works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from sgcn_core.cli.checks import Check, run_checks
from sgcn_core.cli.console import print_json, progress_bar, reporting_errors, say
from sgcn_core.cli.exit_codes import ExitCode

_SIGNS = {"ok": "ok  ", "warning": "WARN", "failed": "FAIL"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Show versions, device and weights, and check that detection, files and pictures work."""
    with reporting_errors(debug=debug):
        with progress_bar(1) as start:
            checks = run_checks(start(0, "doctor"), debug=debug)
        code = ExitCode.NOT_USABLE if any(check.status == "failed" for check in checks) else ExitCode.OK
        if as_json:
            print_json({"exit_code": int(code), "checks": [check.as_dict() for check in checks]})
        else:
            _print(checks)
    raise typer.Exit(code)


def _print(checks: Sequence[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        say(f"{_SIGNS[check.status]}  {check.name:<{width}}  {check.detail}")
    failed = [check.name for check in checks if check.status == "failed"]
    say(f"Not usable: {', '.join(failed)}." if failed else "Ready to use.")
