"""docs/paper.md names functions that exist, commands that run, files and headings that are there."""

from __future__ import annotations

import importlib
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`((?:sgcn_core|research)(?:\.\w+)+)`", PAGE)))
COMMANDS = sorted(set(re.findall(r"python -m (research[\w.]+)", PAGE)))
# Equations, tables and figures of the paper.
PARTS = [*(f"Eq. {i}" for i in range(1, 9)), *(f"Table {i}" for i in range(1, 4)), *(f"Fig. {i}" for i in range(1, 16))]


def named(name: str) -> Any:
    """What a dotted name stands for: a module, or something in one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        module, _, attribute = name.rpartition(".")
        if error.name != name:
            raise
        return getattr(importlib.import_module(module), attribute)


def parts_on_the_page() -> set[str]:
    """First cells of the rows, "Fig. 6, 7" as two."""
    found = set()
    for kind, numbers in re.findall(r"^\| (Eq\.|Table|Fig\.) ([\d, ]+)", PAGE, re.MULTILINE):
        found |= {f"{kind} {number.strip()}" for number in numbers.split(",") if number.strip()}
    return found


@pytest.mark.parametrize("part", PARTS)
def test_every_equation_table_and_figure_has_its_row(part: str) -> None:
    assert part in parts_on_the_page()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_imported_and_says_what_it_does(name: str) -> None:
    assert (named(name).__doc__ or "").strip()


@pytest.mark.parametrize("number", range(1, 9))
def test_the_plain_function_of_an_equation_names_it(number: int) -> None:
    row = re.search(rf"^\| Eq\. {number} \| [^|]+ \| `([\w.]+)` ", PAGE, re.MULTILINE)
    assert row and row[1].startswith("sgcn_core.paper.")
    assert f"Eq. {number}" in named(row[1]).__doc__


@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_explains_itself(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert ended.value.code in (0, None) and "usage" in capsys.readouterr().out.lower()


def test_configurations_and_links_are_there() -> None:
    for path in re.findall(r"`(research/configs/[\w.]+json)`", PAGE):
        assert (ROOT / path).is_file(), path
    for link in re.findall(r"\]\(([\w/]+\.md)[#)]", PAGE):
        assert (ROOT / "docs" / link).is_file(), link
