"""Pages of the site that are made from what is in the repository: reference, definitions of landmarks and measurements.

Nothing of the package is imported, so that the site can be built without torch and VTK.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sgcn_core"
LANDMARK_SETS = PACKAGE / "resources" / "landmark_sets"
ANALYSIS = PACKAGE / "resources" / "analysis"
# The order in which a surface passes them; what is not named follows in alphabetical order.
ORDER = (
    *("detector", "pipeline", "settings", "paper", "types", "io", "skin", "cleaning", "pose", "sampling", "graph"),
    *("model", "refinement", "uncertainty", "weights", "analysis", "geometry", "batch", "worker", "viz", "training"),
    *("evaluation", "cli"),
)


def reference_pages(package: Path = PACKAGE) -> dict[str, str]:
    """Markdown of the reference by file name: one page per module or folder of the package.

    Each holds a mkdocstrings directive per module with public names.
    """
    tops = [path for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    names = {path.stem: path for path in tops if not path.stem.startswith("_")}
    ordered = [name for name in ORDER if name in names] + sorted(set(names) - set(ORDER))
    pages = {"index.md": _index(package, {name: names[name] for name in ordered})}
    for name in ordered:
        modules = list(_modules(names[name], package))
        if modules:
            title = f"{package.name}.{name}"
            parts = [f"# {title}", *(f"::: {module}\n    options:\n      heading_level: 2" for module in modules)]
            pages[f"{name}.md"] = "\n\n".join(parts) + "\n"
    return pages


def _index(package: Path, names: dict[str, Path]) -> str:
    rows = [
        f"| [{name}]({name}.md) | {summary_of(path)} |" for name, path in names.items() if any(_modules(path, package))
    ]
    text = (
        "# Reference\n\nMade from the docstrings of the package. What most users need is exported by `sgcn_core` "
        "itself; all else can change between versions.\n\n"
        f"::: {package.name}\n    options:\n      heading_level: 2\n      show_root_heading: false\n"
        "      members: false\n\n## Folders and modules\n\n"
    )
    return text + "| | |\n|---|---|\n" + "\n".join(rows) + "\n"


def _modules(path: Path, package: Path) -> Iterator[str]:
    """Dotted names of the modules at or below a path that define something public."""
    for file in [path] if path.suffix == ".py" else sorted(path.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        if file.name != "__init__.py" and not any(part.startswith("_") for part in parts) and _defines_names(file):
            yield ".".join(parts)


def _defines_names(file: Path) -> bool:
    kinds = (ast.FunctionDef, ast.ClassDef)
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in body)


def summary_of(path: Path) -> str:
    """First line of a module's or folder's docstring."""
    file = path if path.suffix == ".py" else path / "__init__.py"
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def landmark_tables(folder: Path = LANDMARK_SETS) -> str:
    """Markdown tables of every landmark of the sets, in their order."""
    parts = []
    for path in sorted(folder.glob("*.json")):
        described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        landmarks = described["landmarks"]
        rows = [
            f"| `{each['label']}` | {each['name']} | {each['side']} | {each['group']} | {each['reproducibility']} "
            f"| {each['definition']} |"
            for each in landmarks
        ]
        parts += [
            f"## {described['name']}: {described['title']}",
            f"{len(landmarks)} landmarks. {described['description']}",
            "| label | name | side | group | class | definition |\n|---|---|---|---|---|---|\n" + "\n".join(rows),
        ]
    return "\n\n".join(parts) + "\n"


def measurement_tables(folder: Path = ANALYSIS) -> str:
    """Markdown tables of the analyses and of every measurement, by group, in their order."""
    analyses = json.loads((folder / "analyses.json").read_text(encoding="utf-8"))["analyses"]
    measurements = json.loads((folder / "measurements.json").read_text(encoding="utf-8"))["measurements"]
    parts = [
        "## Analyses",
        "| name | analysis | what it does | source |\n|---|---|---|---|\n"
        + "\n".join(
            f"| `{each['name']}` | {each['title']} | {each['about']} | {each['reference']} |" for each in analyses
        ),
    ]
    for group in dict.fromkeys(each["group"] for each in measurements):
        rows = [
            f"| `{each['name']}` | {each['title']} | {_formula(each)} | {each['unit']} | {each['definition']} "
            f"| {each['reference']} |"
            for each in measurements
            if each["group"] == group
        ]
        parts += [
            f"## Group `{group}`",
            "| name | measurement | formula | unit | definition | source |\n|---|---|---|---|---|---|\n"
            + "\n".join(rows),
        ]
    return "\n\n".join(parts) + "\n"


def _formula(entry: dict[str, Any]) -> str:
    return f"`{entry['formula']}`" if entry.get("formula") else f"not available: {entry['reason']}"
