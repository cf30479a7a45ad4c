"""How the modules of the package may depend on each other: downwards only, without a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "sgcn_core"
# What detection needs: 16,900 after the house was put in order; large meshes, contradicting landmarks, units of any
# kind, bounds and what is uncertain by its definition came afterwards. What is made of landmarks and of many cases has
# a limit of its own.
MOST_LINES = 20_650
AFTER_DETECTION = ("adaptation", "analysis", "cohort", "datasets", "evaluation", "morphometrics", "report", "training")
# Of which 800 for dense correspondence, 2,300 for morphometrics, 1,050 for learning offsets, 1,700 for training, 2,400
# for datasets and evaluation.
MOST_LINES_AFTER = 18_100

LAYERS: tuple[tuple[str, ...], ...] = (
    ("child_process", "errors", "lazy_names", "method", "paper"),
    ("types",),
    ("geometry",),
    ("io",),
    ("cleaning", "sampling", "refinement", "model"),
    ("graph", "skin", "uncertainty"),
    ("own",),
    ("pose", "settings", "weights"),
    ("stages", "reduction"),
    ("pipeline",),
    ("detector",),
    ("analysis", "demo", "evaluation", "viz"),
    ("training",),
    ("adaptation", "datasets", "report"),
    ("batch", "morphometrics"),
    ("cohort", "worker"),
    ("cli",),
    ("__main__",),
)
"""Folders and modules of the package from the bottom upwards: each may import from the layers below it."""


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of the package; a folder goes by its own name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("sgcn_core", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported_names(path: Path) -> Iterator[str]:
    """What a file imports, also within functions and for type checkers: ``from a import b`` as ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: imports are absolute in this package"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(name: str) -> set[str]:
    """Modules of the package that a module imports; the public names of ``sgcn_core`` itself are made on demand."""
    found = set()
    for imported in imported_names(modules()[name]):
        if imported.split(".")[0] == "sgcn_core":
            found.add(imported if imported in modules() else imported.rpartition(".")[0])
    return found - {"sgcn_core", name}


def dependencies() -> dict[str, set[str]]:
    return {name: imported_modules(name) for name in modules() if name != "sgcn_core"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    circle: list[str] = []
    try:
        TopologicalSorter(dependencies()).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert not circle, " -> ".join(circle)


def test_every_folder_has_its_layer() -> None:
    listed = [folder for layer in LAYERS for folder in layer]
    assert len(listed) == len(set(listed))
    assert {name.split(".")[1] for name in dependencies()} <= set(listed)


def test_imports_point_downwards() -> None:
    height = {folder: number for number, layer in enumerate(LAYERS) for folder in layer}
    upwards = {
        f"{name} imports {imported}"
        for name, found in dependencies().items()
        for imported in found
        if name.split(".")[1] != imported.split(".")[1] and height[imported.split(".")[1]] >= height[name.split(".")[1]]
    }
    assert not upwards, "\n".join(sorted(upwards))


def test_the_package_needs_nothing_of_the_repository_around_it() -> None:
    around = {path.name for path in PACKAGE.parent.iterdir() if path.is_dir()} - {"sgcn_core"} | {
        "FacialLandmarks3DLib"
    }
    assert {"research", "Testing"} <= around
    found = {f"{name}: {it}" for name, path in modules().items() for it in imported_names(path)}
    assert not {line for line in found if line.split(": ")[1].split(".")[0] in around}


def test_the_installed_package_stays_small() -> None:
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules().items()}
    after = sum(count for name, count in lines.items() if {*name.split(".")[1:2]} & set(AFTER_DETECTION))
    assert sum(lines.values()) - after <= MOST_LINES and after <= MOST_LINES_AFTER, (sum(lines.values()) - after, after)


def test_a_circle_by_a_late_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a.b import c\ndef f():\n    import d.e\n"
    )
    assert set(imported_names(tmp_path / "late.py")) == {"typing.TYPE_CHECKING", "a.b.c", "d.e"}
