"""Properties of the readers: what is written comes back; whatever stands in a file, only errors of ours come out."""

from __future__ import annotations

import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from research.robustness.damage_child import read, validate
from research.robustness.damage_seeds import Sample, whole_samples
from sgcn_core.errors import SgcnError
from sgcn_core.io.formats import (
    LANDMARK_SUFFIXES,
    MESH_SUFFIXES,
    VOLUME_SUFFIXES,
    WRITABLE_LANDMARK_SUFFIXES,
    WRITABLE_MESH_SUFFIXES,
)
from sgcn_core.io.markups import read_landmarks, write_landmarks
from sgcn_core.io.meshes import read_surface, write_surface
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

SAMPLES = [sample for sample in whole_samples() if sample.main]
COSTS = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.too_slow]}
KINDS = {
    **dict.fromkeys(MESH_SUFFIXES, "surface"),
    **dict.fromkeys(LANDMARK_SUFFIXES, "landmarks"),
    **dict.fromkeys(VOLUME_SUFFIXES, "volume"),
}
COORDINATES = st.floats(-1e6, 1e6, allow_nan=False, width=32).filter(lambda value: value == 0 or abs(value) > 1e-30)
# Longer than a number in a header may be, and of every kind that parsers trip over.
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(repr),
    st.sampled_from(["", "-", "1e400", "0x1", "1_0", "٣", "²", "nan", "9" * 5000, "1 2", "\0", "%d"]),
)


@st.composite
def surfaces(draw: st.DrawFn) -> Surface:
    count = draw(st.integers(3, 12))
    vertices = draw(st.lists(st.tuples(*[COORDINATES] * 3), min_size=count, max_size=count))
    corner = st.integers(0, count - 1)
    faces = draw(st.lists(st.tuples(corner, corner, corner), min_size=1, max_size=15))
    unit = draw(st.sampled_from([None, "um", "mm", "cm", "m"]))
    return Surface(np.array(vertices), np.array(faces), unit, draw(st.sampled_from(["LPS", "RAS"])))


@pytest.mark.parametrize("suffix", sorted(WRITABLE_MESH_SUFFIXES))
@settings(max_examples=25, **COSTS)
@given(surface=surfaces())
def test_surfaces_come_back(suffix: str, surface: Surface) -> None:
    with tempfile.TemporaryDirectory() as folder:
        back = read_surface(write_surface(surface, Path(folder) / f"é a{suffix}"))
    assert (back.unit, back.frame) == (surface.unit, surface.frame)
    np.testing.assert_allclose(
        back.vertices[back.faces], surface.vertices[surface.faces], rtol=1e-6 if suffix == ".stl" else 1e-11, atol=0
    )
    if suffix != ".stl":
        np.testing.assert_array_equal(back.faces, surface.faces)


@pytest.mark.parametrize("suffix", sorted(WRITABLE_LANDMARK_SUFFIXES))
@settings(max_examples=15, **COSTS)
@given(
    labels=st.lists(
        st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=9), min_size=1, unique=True
    ),
    seed=st.integers(0, 99),
)
def test_landmarks_come_back(suffix: str, labels: list[str], seed: int) -> None:
    draw = np.random.default_rng(seed)
    status = tuple(draw.choice(["found", "uncertain", "missing"], len(labels)).tolist())
    places = draw.normal(0, 100, (len(labels), 3))
    result = LandmarkResult(tuple(labels), places, draw.random(len(labels)), status, unit="cm")
    with tempfile.TemporaryDirectory() as folder:
        back = read_landmarks(write_landmarks(result, Path(folder) / f"a{suffix}"))
    assert (back.labels, back.status, back.unit, back.frame) == (result.labels, status, "cm", "LPS")
    np.testing.assert_allclose(back.positions, result.positions, atol=1e-9)


def try_to_read(kind: str, name: str, files: dict[str, bytes]) -> None:
    """Nothing but an error of ours naming the file, and nothing for the terminal."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        for other, content in files.items():
            (Path(folder) / other).write_bytes(content)
        path = Path(folder) / name
        try:
            validate(read(kind, path))
        except SgcnError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("suffix", sorted(KINDS))
@settings(max_examples=12, **COSTS)
@given(data=st.binary(max_size=600), start=st.integers(0, 120), pick=st.integers(0, 99))
def test_any_bytes(suffix: str, data: bytes, start: int, pick: int) -> None:
    """Alone, or behind the true beginning of a file of that kind."""
    whole = [sample for sample in SAMPLES if sample.suffix == suffix]
    beginning = whole[pick % len(whole)].files[whole[pick % len(whole)].main][:start] if whole else b""
    try_to_read(KINDS[suffix], f"a{suffix}", {f"a{suffix}": beginning + data})


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.note)
@settings(max_examples=8, **COSTS)
@given(place=st.integers(0, 10**6), new=NUMBERS, again=st.integers(0, 10**6))
def test_any_number_in_a_header(sample: Sample, place: int, new: str, again: int) -> None:
    """A number of the file, mostly of its header, says something else."""
    content = sample.files[sample.main]
    found = list(re.finditer(rb"\d+", content[:800]))
    if found:
        match = found[place % len(found)]
        content = content[: match.start()] + new.encode() + content[match.end() :]
    else:
        position = again % len(content)
        content = content[:position] + new.encode()[:8] + content[position + 8 :]
    try_to_read(sample.kind, sample.main, {**sample.files, sample.main: content})
