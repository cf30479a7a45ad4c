"""Batched similarity transforms on the training device."""

from __future__ import annotations

import torch
from torch import Tensor


def procrustes(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Least-squares similarity of every sample (Umeyama 1991), never a reflection.

    Parameters
    ----------
    source : Tensor, shape (B, L, 3)
    target : Tensor, shape (L, 3)

    Returns
    -------
    scale (B,), rotation (B, 3, 3) with determinant +1, translation (B, 3): ``target ~ scale * R source + t``
    """
    source_mean, target_mean = source.mean(1), target.mean(0)
    centred = source - source_mean[:, None]
    covariance = (target - target_mean).T @ centred
    u, values, vt = torch.linalg.svd(covariance)
    signs = torch.ones_like(values)
    signs[:, 2] = torch.sign(torch.linalg.det(u @ vt))
    rotation = u @ (signs[:, :, None] * vt)
    scale = (values * signs).sum(1) / centred.square().sum((1, 2))
    translation = target_mean - scale[:, None] * (rotation @ source_mean[:, :, None])[:, :, 0]
    return scale, rotation, translation


def aligned(points: Tensor, landmarks: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Points (B, P, 3) moved by the similarity that brings each sample's landmarks (B, L, 3) to ``target`` (L, 3).

    Also returns the scale (B,) of each similarity.
    """
    scale, rotation, translation = procrustes(landmarks, target)
    return scale[:, None, None] * (points @ rotation.transpose(1, 2)) + translation[:, None], scale


def axis_angle_rotations(vectors: Tensor) -> Tensor:
    """Rotation matrices (B, 3, 3) of rotation vectors (B, 3) in radians (Rodrigues)."""
    zero = torch.zeros_like(vectors[:, 0])
    x, y, z = vectors.unbind(1)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3)
    return torch.linalg.matrix_exp(skew)
