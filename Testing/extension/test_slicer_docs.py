"""The documentation of the Slicer extension against what there is: pictures, controls, messages, links."""

from __future__ import annotations

import ast
import re
import sys
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "FacialLandmarks3D"
sys.path.insert(0, str(MODULE))

from FacialLandmarks3DLib.installation.installer import CPU_INDEX, TORCH, download_commands  # noqa: E402
from FacialLandmarks3DLib.messages import review_menu  # noqa: E402

GUIDE = ROOT / "docs" / "slicer.md"
README = ROOT / "README.md"
PANELS = sorted((MODULE / "Resources" / "UI").glob("*.ui"))
CONTROLS = {
    "qMRMLNodeComboBox", "QComboBox", "QSpinBox", "ctkPathLineEdit", "QPushButton", "QCheckBox", "QTableWidget",
    "QListWidget",
}  # fmt: skip
# A control without a text of its own stands beside the label of its name.
KIND_OF_CONTROL = re.compile(r"(Selector|ComboBox|SpinBox|PathLineEdit)$")
MOST_BYTES_OF_A_PICTURE = 400_000
STATED_ONCE = "not a medical device"


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(heading: str) -> str:
    """The part of the guide below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text_of(GUIDE), re.MULTILINE | re.DOTALL)
    assert found, f"the guide has no section {heading!r}"
    return found[1]


def properties_of(widget: ET.Element) -> dict[str, str]:
    return {each.get("name", ""): "".join(each.itertext()).strip() for each in widget.findall("property")}


@cache
def controls() -> dict[str, tuple[str, str]]:
    """Name of each control, its text in the panel, and its tooltip."""
    found = {}
    for path in PANELS:
        widgets = {widget.get("name", ""): widget for widget in ET.parse(path).iter("widget")}
        for name, widget in widgets.items():
            if widget.get("class") in CONTROLS:
                label = widgets.get(KIND_OF_CONTROL.sub("", name) + "Label")
                own = properties_of(widget)
                text = own.get("text") or (properties_of(label).get("text", "") if label is not None else "")
                found[name] = (text.rstrip(":") or "(list)", own.get("toolTip", ""))
    for name, text, tooltip in review_menu():
        found[name] = (f"More > {text}", tooltip)
    return found


@cache
def texts_of_the_program() -> str:
    """All texts in the code that the extension runs, and in its panels."""
    texts = [text_of(path) for path in PANELS]
    for path in (*MODULE.rglob("*.py"), *(ROOT / "sgcn_core").rglob("*.py")):
        tree = ast.parse(text_of(path))
        texts += [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
    return "\n".join(texts)


def messages() -> list[str]:
    """What the troubleshooting quotes, the first cell of each row."""
    rows = re.findall(r"^\| (.+?) \| .+ \|$", section("Troubleshooting"), re.MULTILINE)
    return [row for row in rows if row != "message"]


@pytest.mark.parametrize("name", sorted(controls()))
def test_every_control_is_in_the_panel_reference_with_its_own_words(name: str) -> None:
    text, tooltip = controls()[name]
    assert tooltip, f"{name} has no tooltip"
    assert f"| {text} | `{name}` | {tooltip}" in section("Panel")


def test_the_panel_reference_names_nothing_that_is_not_there() -> None:
    named = re.findall(r"^\| [^|]+ \| `(\w+)` \|", section("Panel"), re.MULTILINE)
    assert sorted(named) == sorted(controls())


@pytest.mark.parametrize("message", messages())
def test_every_message_in_the_troubleshooting_is_one_of_the_program(message: str) -> None:
    parts = [part for part in re.split("…", message) if part.strip()]
    assert parts and all(part.strip(" '") in texts_of_the_program() for part in parts)


@pytest.mark.parametrize("page", [GUIDE, README], ids=lambda page: page.name)
def test_pictures_and_files_that_a_page_links_to_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(page))
    local = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith("#")]
    assert local
    for link in local:
        assert (page.parent / link).exists(), link


def test_options_of_the_cli_module_are_those_of_its_script() -> None:
    script = text_of(MODULE / "FacialLandmarks3DCLI" / "FacialLandmarks3DCLI.py")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", section("CLI module"))) - {"--launch", "--help"}
    assert named and all(f'"{option}"' in script for option in named)


def test_the_guide_names_what_there_is_to_set_and_to_remove() -> None:
    guide = text_of(GUIDE)
    keeper = MODULE / "FacialLandmarks3DLib" / "worker" / "python.py"
    assert re.search(r'^PYTHON_VARIABLE = "(\w+)"', text_of(keeper), re.MULTILINE)[1] in guide
    wanted = [TORCH, "safetensors>=0.4"]
    for command in (*download_commands(wanted, "linux"), *download_commands(wanted, "win32")):
        assert f"    {command}\n" in guide
    assert CPU_INDEX in guide
    for line in text_of(MODULE / "Resources" / "requirements.txt").splitlines():
        assert line.startswith("#") or f'"{line}"' in guide  # of the command for a computer without a connection


def test_links_within_the_guide_lead_to_its_headings() -> None:
    text = text_of(GUIDE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_every_picture_of_the_extension_is_small_and_shown() -> None:
    pictures = sorted((ROOT / "Resources" / "Screenshots").glob("*.png"))
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size < MOST_BYTES_OF_A_PICTURE, picture.name
        assert f"Resources/Screenshots/{picture.name}" in text_of(GUIDE), picture.name


def test_the_intended_use_is_stated_once_in_each_place() -> None:
    panel = " ".join(text_of(path) for path in PANELS)
    assert text_of(README).lower().count(STATED_ONCE) == 1 == panel.lower().count(STATED_ONCE)
    assert STATED_ONCE not in text_of(GUIDE).lower()


def test_the_readme_names_the_modules_and_leads_to_the_guide() -> None:
    text = text_of(README)
    assert "(docs/slicer.md)" in text and "Resources/Screenshots/" in text
    for module in ("FacialLandmarks3D", "FacialLandmarks3DCLI"):
        assert re.search(rf"^\| `{module}` \|", text, re.MULTILINE)
