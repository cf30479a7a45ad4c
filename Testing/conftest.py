"""Fixtures shared by the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the development data (face models, real scans); the test skips where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SGCN_SHARED_DATA", default))
    if not (folder / "scans").is_dir():
        pytest.skip(f"development data not found at {folder}; set SGCN_SHARED_DATA to its folder")
    return folder
