"""The pages of the site against the package: landmark definitions, reference, options of the command line."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest
import typer

from research.documentation.definitions import PAGE, by_group, definitions_page, landmark_files, picture_name, read_json
from research.documentation.pages import landmark_tables, measurement_tables, reference_pages, summary_of
from sgcn_core.analysis import Definitions
from sgcn_core.analysis.formula import FUNCTIONS
from sgcn_core.batch import ExitCode
from sgcn_core.cli.app import app
from sgcn_core.types.landmark_sets import LandmarkSet

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_every_landmark_is_defined_on_the_page() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]+) \| (\w+) \| [^|]+ \| ([ABC]) \| ([^|]+) \|$", landmark_tables(), re.MULTILINE
    )
    wanted = [
        (each.label, each.name, each.side, each.reproducibility, each.definition)
        for name in ("clinical", "ibug68")
        for each in LandmarkSet.load(name).landmarks
    ]
    assert rows == wanted and len(rows) == 130


def test_the_definitions_page_is_what_the_files_give() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert definitions_page() == page, "run python -m research.documentation.definitions"
    for label in LandmarkSet.load("all").labels:
        assert f"| `{label}` |" in page
    assert "| `go_r` | right soft-tissue gonion" in page and "C, 2.2 mm (Ort 2012) |" in page
    assert "| `en_l` |" in page.partition("clinical-eyes.png")[2].partition("![")[0]


def test_every_group_of_landmarks_has_a_small_picture() -> None:
    folder = DOCS / "images" / "definitions"
    names = {
        picture_name(read_json(file)["name"], group) for file in landmark_files() for group in by_group(read_json(file))
    }
    assert {path.name for path in folder.glob("*.png")} == names and len(names) == 14
    assert all(path.stat().st_size < 80_000 for path in folder.glob("*.png"))


def test_no_script_overwrites_pictures_or_pages_when_asked_for_help() -> None:
    scripts = [*(ROOT / "research" / "figures").glob("*.py"), *(ROOT / "research" / "documentation").glob("*.py")]
    texts = {path.name: text for path in scripts if "__main__" in (text := path.read_text(encoding="utf-8"))}
    assert len(texts) >= 10 and [name for name, text in texts.items() if "parse_args(" not in text] == []


def test_every_measurement_analysis_and_function_is_on_the_page() -> None:
    page, tables = (DOCS / "measurements.md").read_text(encoding="utf-8"), measurement_tables()
    assert "<!-- measurement definitions -->" in page
    definitions = Definitions.load()
    listed = set(re.findall(r"^\| `(\w+)` \|", tables, re.MULTILINE))
    wanted = {name.removesuffix("_r").removesuffix("_l") for name in definitions.measurements} | set(
        definitions.analyses
    )
    assert listed == wanted
    assert all(re.search(rf"`{name}[`(]", page) for name in FUNCTIONS)


def test_the_reference_holds_every_public_module_and_each_can_be_imported() -> None:
    named = set(re.findall(r"^::: (\S+)$", "\n".join(reference_pages().values()), re.MULTILINE))
    assert {"sgcn_core", "sgcn_core.detector", "sgcn_core.types.landmarks"} <= named
    for name in named:
        assert importlib.import_module(name).__doc__, name


def test_pages_are_made_for_folders_and_modules_alike(tmp_path: Path) -> None:
    package = tmp_path / "tiny"
    for path, text in {
        "__init__.py": '"""Tiny."""',
        "one.py": '"""The first.\n\nMore."""\ndef shown(): ...',
        "nothing.py": '"""No names."""\n_hidden = 1',
        "_private.py": "def secret(): ...",
        "folder/__init__.py": '"""A folder."""',
        "folder/two.py": "class Shown: ...",
    }.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
    pages = reference_pages(package)
    assert set(pages) == {"index.md", "one.md", "folder.md"}
    assert "::: tiny.folder.two" in pages["folder.md"]
    assert "| [one](one.md) | The first. |" in pages["index.md"] and "secret" not in "".join(pages.values())
    assert summary_of(package / "folder") == "A folder."


def test_every_option_and_exit_code_is_on_the_page_of_the_command_line() -> None:
    page = (DOCS / "howto" / "command-line.md").read_text(encoding="utf-8")
    command = typer.main.get_command(app)
    options = {option for parameter in command.commands["detect"].params for option in parameter.opts}
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", page))
    assert {option for option in options if option.startswith("-")} <= named
    assert all(re.search(rf"^\| `{name}[ `]", page, re.MULTILINE) for name in command.commands)
    table = page.partition("## Exit codes")[2]
    assert {int(code) for code in ExitCode} <= {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}


def test_every_page_of_the_navigation_is_there_or_made() -> None:
    navigation = re.findall(r"^ +- (?:[\w ]+: )?([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    made = {"contributing.md", "changelog.md"}
    assert len(navigation) > 15
    assert [page for page in navigation if not (DOCS / page).is_file() and page not in made] == []
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert pages <= set(navigation) | set(re.findall(r"paper\.md", (ROOT / "mkdocs.yml").read_text()))


def test_torchrun_takes_the_lines_of_the_pages() -> None:
    """It refuses options of ours that begin like its own, unless -- stands before the program."""
    parse = pytest.importorskip("torch.distributed.run").parse_args
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")).replace("\\\n", " ")
    lines = re.findall(r"torchrun (--[^`\n]+)", text)
    assert len(lines) >= 3
    for line in lines:
        given = parse([*shlex.split(line), "--run", "runs/face"])
        assert given.training_script in ("research.training", "sgcn-landmarks"), line
