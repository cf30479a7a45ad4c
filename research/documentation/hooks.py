"""Hooks of MkDocs: add the generated pages, and what lies outside of docs/ but is linked to from there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

# MkDocs loads this file by its path, not as a part of the package `research`.
from pages import ROOT, landmark_tables, measurement_tables, reference_pages

DOCS = ROOT / "docs"
ICON = ROOT / "Resources" / "FacialLandmarks3D.png"
SCREENSHOTS = ROOT / "Resources" / "Screenshots"
OWN_PAGES = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
LANDMARKS_HERE = "<!-- landmark definitions -->"
MEASUREMENTS_HERE = "<!-- measurement definitions -->"
# A function or class of the package: sgcn_core.folder.name or deeper. Folders have a page, but no anchor.
NAME = re.compile(r"`(sgcn_core(?:\.\w+){2,})`")
LINK_UP = re.compile(r"\]\((\.\./[^)\s#]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the generated reference at its place in the navigation."""
    pages = [{Path(name).stem.replace("index", "Overview"): f"reference/{name}"} for name in reference_pages()]
    for entry in config.nav or []:
        if isinstance(entry, dict) and "Reference" in entry:
            entry["Reference"] = pages
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add pages made from docstrings, the changelog and the like, and the screenshots."""
    for name, text in reference_pages().items():
        files.append(File.generated(config, f"reference/{name}", content=text))
    for name, source in OWN_PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, name, content=text))
    files.append(File.generated(config, "images/icon.png", abs_src_path=str(ICON)))
    for picture in sorted(SCREENSHOTS.glob("*.png")):
        files.append(File.generated(config, f"screenshots/{picture.name}", abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Fill in the definitions, and lead links out of docs/ to the site's copy or to the repository."""
    folder = (DOCS / page.file.src_uri).parent
    up = "../" * page.file.src_uri.count("/")

    def target(found: re.Match[str]) -> str:
        path = (folder / found[1]).resolve()
        if path.is_relative_to(DOCS):
            return found[0]
        if path.parent == SCREENSHOTS:
            return f"]({up}screenshots/{path.name})"
        if not path.exists():
            raise FileNotFoundError(f"{page.file.src_uri} links to {found[1]}, which is not in the repository")
        return f"]({config.repo_url}/blob/main/{path.relative_to(ROOT).as_posix()}{found[2] or ''})"

    if page.file.src_uri == "paper.md":
        markdown = NAME.sub(r"[`\1`][\1]", markdown)  # to the reference; an unknown name ends a strict build
    linked = LINK_UP.sub(target, markdown).replace(LANDMARKS_HERE, landmark_tables())
    return linked.replace(MEASUREMENTS_HERE, measurement_tables())
