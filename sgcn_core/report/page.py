"""The page: sections of text, figures and tables, put into the template: one file without scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from sgcn_core.report.requirements import require
from sgcn_core.report.tables import Table

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawing with its caption.

    Attributes
    ----------
    caption : str
    svg : Markup
    size : {"wide", "half", "scale"}
        The page's width, half of it, or the drawing's own size: true to scale.
    """

    caption: str
    svg: Markup
    size: str = "wide"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page under a heading: paragraphs, figures, tables, then notes."""

    key: str
    title: str
    text: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page shows.

    Attributes
    ----------
    title : str
        Neutral, such as "Case 1", unless the name is to be shown.
    kind : str
        What it is about, such as "Facial analysis".
    verdict : tuple of str
        Line for each case.
    doubtful : bool
        Whether there is something to check.
    subtitle : str
        Date or program; may be empty.
    sections : tuple of Section
    back : str
        Address of the index; empty without one.
    """

    title: str
    kind: str
    verdict: tuple[str, ...]
    doubtful: bool
    subtitle: str = ""
    sections: tuple[Section, ...] = ()
    back: str = ""


@dataclass(frozen=True, kw_only=True)
class IndexEntry:
    """A case of an index: its page, its thumbnail and what it says."""

    title: str
    address: str
    verdict: str
    doubtful: bool
    thumbnail: str = ""
    facts: tuple[str, ...] = field(default=())


def render_page(page: Page) -> str:
    """The page as HTML.

    Raises
    ------
    InstallationError
        jinja2 is not installed.
    """
    return _render("page.html.j2", page=page)


def render_index(title: str, entries: tuple[IndexEntry, ...], *, note: str, failures: tuple[str, ...] = ()) -> str:
    """The index of several cases as HTML, in the order given.

    Raises
    ------
    InstallationError
        jinja2 is not installed.
    """
    return _render("index.html.j2", title=title, entries=entries, note=note, failures=failures)


def _render(template: str, **values: Any) -> str:
    jinja2 = require("jinja2")
    folder = resources.files("sgcn_core") / "resources" / "report"
    names = ("base.html.j2", "page.html.j2", "index.html.j2")
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({name: (folder / name).read_text(encoding="utf-8") for name in names}),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    from markupsafe import Markup

    style = Markup((folder / "report.css").read_text(encoding="utf-8"))  # the package's own file
    return str(environment.get_template(template).render(style=style, **values))
