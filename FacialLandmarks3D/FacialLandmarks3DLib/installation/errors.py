"""Why an installation was not done."""

from __future__ import annotations


class InstallError(RuntimeError):
    """Something that detection needs could not be installed.

    Attributes
    ----------
    reason, remedy : str
        What happened, what to do.
    declined : bool
        True where the user said no, which needs no error message.
    """

    def __init__(self, reason: str, remedy: str, *, declined: bool = False) -> None:
        super().__init__(f"{reason} {remedy}".strip())
        self.reason, self.remedy, self.declined = reason, remedy, declined
