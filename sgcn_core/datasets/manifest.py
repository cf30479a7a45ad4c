"""The manifest of a prepared folder: where it is, its format, and reading it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sgcn_core.errors import FileFormatError

FORMAT = "sgcn-landmarks dataset 1"
MANIFEST, CASES = "manifest.json", "cases"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared folder.

    Raises
    ------
    FileFormatError
        There is none, or it is damaged or of another version.
    """
    path = Path(folder) / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(
            f"cannot read {path}: {error}; name a folder that `sgcn-landmarks prepare` wrote"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileFormatError(f"{path} is no manifest of format {FORMAT!r}; prepare the dataset again")
    return content
