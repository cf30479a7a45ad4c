"""Ways in which files come damaged: by accident, by a faulty program, or on purpose."""

from __future__ import annotations

import gzip
import json
import re
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from research.robustness.damage_seeds import Sample

Draw = np.random.Generator
Damage = Callable[[bytes, Draw], bytes]

# What a header's number is replaced by.
_LIES = [
    *b"0 -1 -3 1 2 3 8 26 200 255 65535 4294967295 2147483647 2147483648 -2147483648 9223372036854775807".split(),
    *b"9223372036854775808 18446744073709551615 99999999999999999999999 nan inf -inf 1e308 1e400 1e-320 0x10".split(),
    *(b"1.5", b"1_000", b"x", b"9" * 6000, "²".encode()),
]
_FIELDS = (0, 1, -1, 3, 200, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63), 2**64 - 1)
_FLOATS = (float("nan"), float("inf"), -float("inf"), 1e38, -1e-38, 0.0)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_HEADER = 1500  # bytes from the start in which a header's numbers are looked for


_ELSEWHERE: tuple[str, ...] = (
    *("../../etc/passwd", "/etc/passwd", "/dev/zero", "/dev/stdin", "http://localhost:9/a.bin", "file:///etc/x"),
    *("scan.gltf", "head.mhd", "head.nhdr", ".", "..", "", "LIST", "LIST 3", "%s%s%s%n 1 9 1", "a%09999d 0 9 1"),
    *("nothing.raw", "C:\\x.raw", "data:,", "data:;base64,AAAA", "a\0b", "é ü.bin", "x" * 5000),
)


def _place(data: bytes, draw: Draw) -> int:
    return int(draw.integers(len(data))) if data else 0


def truncated(data: bytes, draw: Draw) -> bytes:
    """The end is missing."""
    return data[: _place(data, draw)]


def bits_flipped(data: bytes, draw: Draw) -> bytes:
    """1 to 40 bits, often close to the start."""
    damaged = bytearray(data)
    reach = len(data) if draw.random() < 0.5 else min(len(data), 400)
    for place in draw.integers(0, max(reach, 1), int(draw.integers(1, 41))):
        if damaged:
            damaged[place] ^= 1 << int(draw.integers(8))
    return bytes(damaged)


def blocks_swapped(data: bytes, draw: Draw) -> bytes:
    """Two parts have changed places."""
    a, b, c = sorted(_place(data, draw) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def block_repeated(data: bytes, draw: Draw) -> bytes:
    """A part stands there several times."""
    a, b = sorted(_place(data, draw) for _ in range(2))
    return data[:b] + data[a:b] * int(draw.integers(1, 5)) + data[b:]


def block_lost(data: bytes, draw: Draw) -> bytes:
    """A part is missing from the middle."""
    a, b = sorted(_place(data, draw) for _ in range(2))
    return data[:a] + data[b:]


def block_overwritten(data: bytes, draw: Draw) -> bytes:
    """Zeros, ones or noise over a part."""
    a, b = sorted(_place(data, draw) for _ in range(2))
    filling = (b"\0" * (b - a), b"\xff" * (b - a), draw.bytes(b - a))
    return data[:a] + filling[int(draw.integers(3))] + data[b:]


def header_lies(data: bytes, draw: Draw) -> bytes:
    """A number near the start says something else: counts, sizes, corners, offsets."""
    return _number_replaced(data, draw, _HEADER)


def number_lies(data: bytes, draw: Draw) -> bytes:
    """A number anywhere says something else: NaN, huge indices, lists of 200 corners."""
    return _number_replaced(data, draw, len(data))


def _number_replaced(data: bytes, draw: Draw, reach: int) -> bytes:
    found = list(_NUMBER.finditer(data, 0, reach))
    for match in sorted(
        (found[int(draw.integers(len(found)))] for _ in range(int(draw.integers(1, 3))) if found),
        key=lambda match: -match.start(),
    ):
        data = data[: match.start()] + _LIES[int(draw.integers(len(_LIES)))] + data[match.end() :]
    return data


def field_lies(data: bytes, draw: Draw) -> bytes:
    """A binary field says something else."""
    reach = len(data) if draw.random() < 0.4 else min(len(data), 400)
    place = int(draw.integers(max(reach, 1)))
    place -= place % int(draw.choice([1, 2, 4]))
    order = "<" if draw.random() < 0.8 else ">"
    if draw.random() < 0.3:
        field = struct.pack(f"{order}f", _FLOATS[int(draw.integers(len(_FLOATS)))])
    else:
        width = int(draw.choice([1, 2, 4, 8]))
        value = _FIELDS[int(draw.integers(len(_FIELDS)))] % 2 ** (8 * width)
        field = value.to_bytes(width, "little" if order == "<" else "big")
    return data[:place] + field + data[place + len(field) :]


def words_changed(data: bytes, draw: Draw) -> bytes:
    """A word of a header is dropped, repeated, or another one of the file."""
    words = list(re.finditer(rb"[A-Za-z_]{3,}", data[:_HEADER]))
    if not words:
        return data
    word, other = (words[int(draw.integers(len(words)))] for _ in range(2))
    new = (b"", word.group() * 2, other.group())[int(draw.integers(3))]
    return data[: word.start()] + new + data[word.end() :]


def nul_bytes(data: bytes, draw: Draw) -> bytes:
    """NUL bytes in between."""
    place = _place(data, draw)
    return data[:place] + b"\0" * int(draw.integers(1, 100)) + data[place:]


def utf16(data: bytes, draw: Draw) -> bytes:
    """Saved again as UTF-16 by an editor."""
    return data.decode("latin-1").encode("utf-16")


def long_line(data: bytes, draw: Draw) -> bytes:
    """A line of a megabyte: spaces, digits, words or quotes."""
    place = _place(data, draw)
    filling = (b" ", b"1", b"a ", b'"', b"#", b"\n", b"1 ", b"\t#", b"- ", b"[")[int(draw.integers(10))]
    return data[:place] + filling * 500_000 + data[place:]


def emptied(data: bytes, draw: Draw) -> bytes:
    """Nothing, a newline, or one byte."""
    return (b"", b"\n", b"\0", b" ", b"\xef\xbb\xbf")[int(draw.integers(5))]


def binary_garbage(data: bytes, draw: Draw) -> bytes:
    """Noise, sometimes behind the right beginning."""
    return data[: int(draw.integers(0, 60))] + draw.bytes(int(draw.integers(1, 5000)))


def text_garbage(data: bytes, draw: Draw) -> bytes:
    """Text of another kind, sometimes behind the right beginning."""
    words = (b"<html>", b"lorem", b"ipsum", b"-1", b"1e999", b"{", b"}", b"nan", b",", b"\n", b"\r\n", b"]", b'"', b"=")
    picked = [words[int(i)] for i in draw.integers(0, len(words), 200)]
    return data[: int(draw.integers(0, 60))] + b" ".join(picked)


def bomb(data: bytes, draw: Draw) -> bytes:
    """A gigabyte of zeros in a megabyte: after the true header, after a lying one, or alone."""
    member = gzip.compress(b"\0" * 2**24, mtime=0)
    raw = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    if draw.random() < 0.3:
        return member * 64
    if draw.random() < 0.5 and len(raw) > 352:
        raw = raw[:40] + struct.pack("<8h", 3, 1000, 1000, 500, 1, 1, 1, 1) + raw[56:]
    return gzip.compress(raw, mtime=0) + member * 64


def nested(data: bytes, draw: Draw) -> bytes:
    """Brackets or elements in one another, 100,000 deep."""
    opening = (b"[", b'{"markups":', b'{"a":[', b'<VTKFile type="PolyData">', b"<a>")[int(draw.integers(5))]
    place = _place(data, draw) if draw.random() < 0.3 else 0
    return data[:place] + opening * 100_000 + data[place:]


def entities(data: bytes, draw: Draw) -> bytes:
    """A billion laughs, or an entity of another file, in front of XML."""
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n + 1, b"&l%d;" % n * 10) for n in range(9))
    outside = b'<!ENTITY l9 SYSTEM "file:///dev/zero">'
    declared = b'<!ENTITY l0 "ha">' + laughs if draw.random() < 0.5 else outside
    body = re.sub(rb"<\?xml[^>]*>", b"", data)
    place = body.find(b">") + 1
    return b'<?xml version="1.0"?><!DOCTYPE VTKFile [' + declared + b"]>" + body[:place] + b"&l9;" + body[place:]


def points_elsewhere(data: bytes, draw: Draw) -> bytes:
    """A header whose data lie in another file, on a device or on a server."""
    target = _ELSEWHERE[int(draw.integers(len(_ELSEWHERE)))]
    if b'"buffers"' in data:
        try:
            content = json.loads(data)
        except ValueError:
            return data
        content["buffers"][0]["uri"] = target
        return json.dumps(content).encode()
    named = re.compile(rb"(ElementDataFile = |data ?file: ?)[^\n]*", re.IGNORECASE)
    return named.sub(lambda match: match.group(1) + target.encode(), data)


def inflated(data: bytes, draw: Draw) -> bytes:
    """A zlib stream in place of a part: 64 MB of zeros."""
    place = _place(data, draw)
    stream = zlib.compress(b"\0" * 2**26)
    return data[:place] + stream + data[place + len(stream) :]


GENERAL: tuple[Damage, ...] = (
    truncated,
    truncated,
    bits_flipped,
    bits_flipped,
    blocks_swapped,
    block_repeated,
    block_lost,
    block_overwritten,
    header_lies,
    header_lies,
    header_lies,
    number_lies,
    number_lies,
    field_lies,
    field_lies,
    field_lies,
    words_changed,
    nul_bytes,
    utf16,
    long_line,
    emptied,
    binary_garbage,
    text_garbage,
)
SPECIAL: Mapping[str, tuple[Damage, ...]] = {
    ".nii.gz": (bomb, bomb),
    ".nii": (bomb,),
    ".nrrd": (points_elsewhere, inflated),
    ".nhdr": (points_elsewhere, points_elsewhere),
    ".mha": (points_elsewhere, inflated),
    ".mhd": (points_elsewhere, points_elsewhere),
    ".vtp": (entities, nested, inflated),
    ".gltf": (points_elsewhere, points_elsewhere, nested),
    ".mrk.json": (nested,),
    ".json": (nested,),
}
_NAMES = ("scan", "Gesicht äöü", "with space", "скан", "脸", "a'b", "%s%n", "-o", "x" * 200, "dots.in.name")


def damaged(samples: Sequence[Sample], number: int, seed: int) -> Sample:
    """The damaged sample of a number: its file, what is done to it, and its name are drawn by `seed`."""
    draw = np.random.default_rng((seed, number))
    sample = samples[number % len(samples)]
    if draw.random() < 0.06:
        return _renamed(_under_another_suffix(sample, samples, draw), draw)
    ways = (*GENERAL, *SPECIAL.get(sample.suffix, ()) * 2)
    way = ways[int(draw.integers(len(ways)))]
    names = [sample.main] if sample.main and draw.random() < 0.8 else list(sample.files)
    name = names[int(draw.integers(len(names)))]
    changed = {name: way(sample.files[name], draw)}
    if draw.random() < 0.15:  # two things at once
        changed[name] = GENERAL[int(draw.integers(len(GENERAL)))](changed[name], draw)
    note = f"{sample.note}, {name}: {way.__name__.replace('_', ' ')}"
    return _renamed(replace(sample, files={**sample.files, **changed}, note=note), draw)


def _under_another_suffix(sample: Sample, samples: Sequence[Sample], draw: Draw) -> Sample:
    """The content of one format under the name of another one."""
    other = samples[int(draw.integers(len(samples)))]
    content = sample.files[sample.main or next(iter(sample.files))]
    name = other.main or next(iter(other.files))
    return Sample(other.kind, other.main, {name: content}, f"{sample.note} as {other.suffix}")


def _renamed(sample: Sample, draw: Draw) -> Sample:
    """Sometimes under a name that programs stumble over; files that are referred to keep theirs."""
    if not sample.main or draw.random() < 0.8:
        return sample
    main = _NAMES[int(draw.integers(len(_NAMES)))] + sample.suffix
    files = {main if name == sample.main else name: content for name, content in sample.files.items()}
    return replace(sample, main=main, files=files)
