"""Triangles: cross products, areas, unit normals, points in barycentric coordinates. NumPy only.

Arrays are worked on one axis at a time (rows of x, y and z), which is several times faster than one triangle at a time
and rounds alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BLOCK = 500_000  # triangles worked on at once, so that millions of them need little memory
_FLAT = 1e-12  # twice the area over the squared edge lengths, below which the direction of a triangle is rounding noise


def cross_products(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Cross product of the first and the second edge of each triangle.

    Parameters
    ----------
    vertices : (P, 3) float64
    faces : (F, 3) int64

    Returns
    -------
    (F, 3) float64
        Twice the area long, along the normal by the right-hand rule on the corners.
    """
    return np.ascontiguousarray(_cross_rows(*_edge_rows(vertices, faces)).T)


def triangle_areas(vertices: FloatArray, faces: IntArray, *, zero_if_flat: bool = False) -> FloatArray:
    """Area of each triangle, (F,), in the squared unit of the vertices.

    Parameters
    ----------
    vertices : (P, 3) float64
    faces : (F, 3) int64
    zero_if_flat : bool
        Exactly zero for triangles so thin that their area is rounding noise.
    """
    areas = np.empty(len(faces), dtype=vertices.dtype)
    for start in range(0, len(faces), _BLOCK):
        first, second = _edge_rows(vertices, faces[start : start + _BLOCK])
        doubled = _lengths(_cross_rows(first, second))
        if zero_if_flat:
            doubled[doubled <= _FLAT * (first * first + second * second).sum(axis=0)] = 0.0
        areas[start : start + _BLOCK] = doubled / 2
    return areas


def triangle_normals(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Unit normal of each triangle, (F, 3), by the right-hand rule; zero for a triangle without area."""
    return np.ascontiguousarray(_unit(_cross_rows(*_edge_rows(vertices, faces))).T)


def vertex_normals(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Area-weighted unit normal of each vertex, (P, 3); zero at a vertex that no triangle with an area uses."""
    rows = np.zeros((3, len(vertices)))
    for total, weighted in zip(rows, _cross_rows(*_edge_rows(vertices, faces)), strict=True):
        for corner in faces.T:
            total += np.bincount(corner, weighted, len(vertices))
    return np.ascontiguousarray(_unit(rows).T)


def interpolate(vertices: FloatArray, corners: IntArray, barycentric: FloatArray) -> FloatArray:
    """Points (N, 3) in triangles.

    Parameters
    ----------
    vertices : (P, 3) float64, or other values at vertices
    corners : (N, 3) int64
        Vertices of the triangle of each point.
    barycentric : (N, 3) float64
        Their weights, each row summing to 1.
    """
    first, second, third = (vertices.take(corner, axis=0) for corner in corners.T)
    points: FloatArray = first * barycentric[:, :1] + second * barycentric[:, 1:2] + third * barycentric[:, 2:]
    return points


def _edge_rows(vertices: FloatArray, faces: IntArray) -> tuple[FloatArray, FloatArray]:
    """Both edges (3, F) that leave the first corner of each triangle, one row per axis."""
    axes = np.ascontiguousarray(vertices.T)
    origin, first, second = (axes.take(corner, axis=1) for corner in faces.T)
    first -= origin
    second -= origin
    return first, second


def _cross_rows(first: FloatArray, second: FloatArray) -> FloatArray:
    (ux, uy, uz), (vx, vy, vz) = first, second
    return np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])


def _lengths(rows: FloatArray) -> FloatArray:
    lengths: FloatArray = np.sqrt((rows * rows).sum(axis=0))
    return lengths


def _unit(rows: FloatArray) -> FloatArray:
    length = _lengths(rows)
    unit: FloatArray = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return unit
