"""Names that every program for morphometrics takes, made of any."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 32

# Programs find the parts of a file by these words, wherever they stand: a case called "landmarks 1" would be taken for
# the head of a section by geomorph's read.morphologika, one called "variables" would vanish in its readland.tps.
_KEYWORDS = (
    *("individual", "landmark", "dimension", "name", "rawpoint", "label", "wireframe", "polygon", "group"),
    *("variable", "chain", "radii", "scale", "comment", "image", "curve", "points", "outline"),
)


def safe_names(names: Sequence[str], *, kind: str = "case") -> tuple[str, ...]:
    """Different names without spaces or signs, in the order given: ASCII letters, digits, ``-`` and ``_``.

    At most 32 characters; words that formats use themselves are parted (``land_mark``), names that would be the same,
    whatever upper and lower case, are numbered; a number becomes ``case_7``, since R would make 7 of 007.

    Parameters
    ----------
    names : sequence of str
    kind : str
        What they are names of.
    """
    found: list[str] = []
    taken: set[str] = set()
    for given in names:
        base = _plain(given, kind)
        name, number = base, 1
        while name.lower() in taken:
            number += 1
            name = f"{base[: LONGEST - len(str(number)) - 1]}_{number}"
        taken.add(name.lower())
        found.append(name)
    return tuple(found)


def _plain(given: str, kind: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode("ascii")
    text = re.sub(r"[^A-Za-z0-9_-]+", "_", ascii_only).strip("_-")
    text = _parted(text, _KEYWORDS)
    # The end of a name tells more than its beginning, which may be a folder.
    text = text[-LONGEST:].lstrip("_-")
    if not text:
        return kind
    return f"{kind}_{text}"[:LONGEST] if _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.upper() == "NA"
    return True


def _parted(text: str, words: Iterable[str]) -> str:
    for word in words:
        half = len(word) // 2
        text = re.sub(f"({word[:half]})({word[half:]})", r"\1_\2", text, flags=re.IGNORECASE)
    return text
