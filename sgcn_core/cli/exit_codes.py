"""What the exit code of `sgcn-landmarks` means."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    ALL_FAILED = 3
    PICTURE_FAILED = 4
    NOT_USABLE = 5
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "everything was done",
    ExitCode.SOME_FAILED: "some inputs failed, the others have their landmarks",
    ExitCode.USAGE: "the command line was wrong; nothing was done",
    ExitCode.ALL_FAILED: "every input failed",
    ExitCode.PICTURE_FAILED: "all landmarks were written, a picture was not",
    ExitCode.NOT_USABLE: "the model cannot be loaded, or an essential check failed",
    ExitCode.INTERRUPTED: "interrupted",
}

EPILOG = "Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()) + "."
