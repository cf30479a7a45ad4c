"""The page of landmark definitions: ``python -m research.documentation.definitions`` writes docs/definitions.md.

Made from the landmark sets, the observers' file and ``definition_notes.json`` beside this file, so it cannot drift.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "sgcn_core" / "resources"
OBSERVERS = RESOURCES / "analysis" / "observers.json"
NOTES = Path(__file__).with_name("definition_notes.json")
PAGE = ROOT / "docs" / "definitions.md"
# Mean distance between two placements whose differences are normal, for a standard deviation of 1 along each axis.
_MEAN_DISTANCE = 1.596

_INTRODUCTION = """# Definitions, with pictures

Every landmark with its definition, where the definition comes from, its place on the mean face and how far trained
observers place it apart. Sides are the subject's own. Made by `python -m research.documentation.definitions` from the
landmark sets and `sgcn_core/resources/analysis/observers.json`; the pictures by
`python -m research.figures.make_definitions` on the mean face of generated people.

**Observers.** Classes A, B and C are mean distances of {a}, {b} and {c} mm between trained observers. The column gives
the class and the mean distance that goes into the stated bounds, with its source. Where no study of the landmark itself
is known the class stands for it. Two of the studies (Fink 2014, Ort 2012) compare one observer with himself, who agrees
better than two do: bounds that rest on them are rather too small.

{basis}
"""


def definitions_page() -> str:
    """The page as Markdown."""
    observers, notes = read_json(OBSERVERS), read_json(NOTES)
    tiers = observers["tiers"]
    ranges = {tier.lower(): " to ".join(f"{value:g}" for value in tiers[tier]["distance"]) for tier in tiers}
    basis = "\n".join(f"- {tier}: {tiers[tier]['basis']}" for tier in tiers)
    parts = [_INTRODUCTION.format(**ranges, basis=basis)]
    for path in landmark_files():
        described = read_json(path)
        parts.append(f"## {described['title']}")
        for group, landmarks in by_group(described).items():
            name = picture_name(described["name"], group)
            parts += [
                f"### {group.capitalize()} (`{described['name']}`)",
                f"![{group.capitalize()}: front and side view](images/definitions/{name})",
                "| label | name | definition | source | observers |\n|---|---|---|---|---|\n"
                + "\n".join(_row(each, described["name"], observers, notes) for each in landmarks),
            ]
    parts += ["## How ours differ from others'", _differences(notes["differences"], notes["weights"])]
    sources = {**notes["sources"], **observers["sources"]}
    parts += ["## Sources", "\n".join(f"- **{name}**: {text}" for name, text in sources.items())]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def landmark_files() -> list[Path]:
    """The landmark sets, in the order of the page."""
    return sorted((RESOURCES / "landmark_sets").glob("*.json"))


def by_group(described: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Group -> landmarks of a set, in its order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for each in described["landmarks"]:
        groups.setdefault(each["group"], []).append(each)
    return groups


def picture_name(landmark_set: str, group: str) -> str:
    """File name of the picture of a group."""
    return f"{landmark_set}-{group}.png"


def source_of(label: str, landmark_set: str, notes: dict[str, Any]) -> str:
    """Names of the sources of a definition."""
    if landmark_set != "clinical":
        return "iBUG 2013"
    stem = label.removesuffix("_r").removesuffix("_l")
    if stem in notes["own"]:
        return "own"
    return "Farkas 1994, 3DFN 2016" if stem in notes["in_3dfn"] else "Farkas 1994"


def repeatability(each: dict[str, Any], observers: dict[str, Any]) -> str:
    """Class, mean distance and source."""
    tier, own = each["reproducibility"], observers["landmarks"].get(each["label"])
    stated = own or observers["tiers"][tier]
    source = own["source"] if own else f"class {tier}"
    return f"{tier}, {_MEAN_DISTANCE * stated['sd']:.1f} mm ({source})"


def _row(each: dict[str, Any], landmark_set: str, observers: dict[str, Any], notes: dict[str, Any]) -> str:
    source = source_of(each["label"], landmark_set, notes)
    return (
        f"| `{each['label']}` | {each['name']} | {each['definition']} | {source} | {repeatability(each, observers)} |"
    )


def _differences(differences: dict[str, dict[str, str]], weights: str) -> str:
    rows = [f"| `{label}` | {whose} | {text} |" for label, each in differences.items() for whose, text in each.items()]
    return (
        "Distances between our landmark and theirs are means over the scans described in [Accuracy](accuracy.md), "
        f"weights {weights} (`python -m research.documentation.distances`).\n\n"
        "| landmark | whose | difference |\n|---|---|---|\n" + "\n".join(rows)
    )


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds one object."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    PAGE.write_text(definitions_page(), encoding="utf-8")
    print(PAGE)
