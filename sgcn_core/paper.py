"""Equations 1 to 8 of 2S-SGCN, plainly: what the fast code must compute.

J. Burger, G. Blandano, G. M. Facchi, R. Lanzarotti, "2S-SGCN: A two-stage stratified graph convolutional network model
for facial landmark detection on 3D data", Computer Vision and Image Understanding, 2025,
doi 10.1016/j.cviu.2024.104227.

Slow, obvious, NumPy alone, one landmark or one node at a time: nothing in the package calls it, the tests compare every
fast function with it. Where the paper is misprinted or leaves something open, the docstring says what is done instead.

Symbols: P vertices of the original mesh; V vertices (nodes) of the resampled one; L landmarks; H heatmaps; H^ estimated
heatmaps; S training samples. All positions are standardised (section 3.2) unless said otherwise.

| Eq. | here | fast |
|---|---|---|
| sec. 3.2 | `standardise` | `sgcn_core.geometry.similarity.standardise_paper` |
| 1 | `gaussian_heatmap` | `sgcn_core.model.heatmap`, `sgcn_core.refinement.mse_over_mesh` |
| 2 | `graph_convolution` | `sgcn_core.model.layers` |
| 3 | `adaptive_wing_loss` | `sgcn_core.model.loss` |
| 4, 5 | `prototype`, `coarse_set` | `sgcn_core.graph.coarse` |
| 6 | `weighted_mean` | `sgcn_core.refinement.weighted_mean` |
| 7, 8 | `candidate_vertices`, `mse_over_mesh` | `sgcn_core.refinement.mse_over_mesh` |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def standardise(points: FloatArray, reference: FloatArray | None = None) -> FloatArray:
    """Section 3.2: centre the points, turn their principal axes onto reference axes, scale them into [-1, 1].

    Parameters
    ----------
    points : (N, 3), any unit
    reference : (3, 3), rows are orthonormal axes, that of the largest variance first; None leaves the points unturned,
        as the package does, which finds the pose of the head in another way

    Returns
    -------
    (N, 3), the largest |coordinate| is 1

    Notes
    -----
    An eigenvector has no sign, and the paper gives no rule. Here the first two point to the side of their reference,
    and the third follows from them, so that the result is turned and never mirrored: a mirrored face has left and right
    exchanged.
    """
    centred = points - points.mean(axis=0)
    if reference is not None:
        variance, columns = np.linalg.eigh(centred.T @ centred)
        axes = columns.T[np.argsort(-variance)]
        for axis in (0, 1):
            if axes[axis] @ reference[axis] < 0:
                axes[axis] = -axes[axis]
        axes[2] = np.cross(axes[0], axes[1])
        third = np.cross(reference[0], reference[1])
        centred = centred @ axes.T @ np.stack([reference[0], reference[1], third])
    standardised: FloatArray = centred / np.abs(centred).max()
    return standardised


def gaussian_heatmap(vertices: FloatArray, landmarks: FloatArray, sigma: float = 0.03) -> FloatArray:
    """Eq. 1: ``H = exp(-Delta^2 / (2 sigma^2))``, Delta the Euclidean distances.

    Parameters
    ----------
    vertices : (V, 3)
    landmarks : (L, 3)
    sigma : spread of the heatmap

    Returns
    -------
    (V, L), 1 at a landmark
    """
    delta_squared = ((vertices[:, None, :] - landmarks[None, :, :]) ** 2).sum(axis=2)
    heatmap: FloatArray = np.exp(-delta_squared / (2 * sigma**2))
    return heatmap


def graph_convolution(features: FloatArray, edges: IntArray, weight: FloatArray, bias: FloatArray) -> FloatArray:
    """Eq. 2 before the activation: ``f_i' = sum over j in N(v_i) of (1 / c_ij) W f_j``, and a bias.

    Parameters
    ----------
    features : (V, n), f
    edges : (E, 2), rows (i, j) with v_j in N(v_i); self loops are edges like all others
    weight : (m, n), W
    bias : (m,), which Eq. 2 leaves out and the layer of Kipf and Welling has

    Returns
    -------
    (V, m)

    Notes
    -----
    The paper leaves c_ij open ("may be the product of degrees"); here it is the symmetric normalisation of Kipf and
    Welling, ``c_ij = sqrt(d_i d_j)``, with d the number of neighbours. The paper normalises (LayerNorm) between this
    sum and the activation.
    """
    degree = np.bincount(edges[:, 0], minlength=len(features))
    result = np.tile(bias.astype(np.float64), (len(features), 1))
    for i, j in edges:
        result[i] += weight @ features[j] / np.sqrt(degree[i] * degree[j])
    return result


def adaptive_wing_loss(
    truth: FloatArray,
    predicted: FloatArray,
    *,
    omega: float = 14.0,
    theta: float = 0.5,
    alpha: float = 2.1,
    epsilon: float = 1.0,
    beta: float = 50.0,
) -> FloatArray:
    """Eq. 3: the weighted adaptive wing loss of every entry; the training takes the mean of all.

    With d = \\|h - h^\\| and p = alpha - h::

        l(h, h^) = (1 + beta h) omega ln(1 + (d / epsilon)^p)    if d < theta
                   (1 + beta h) (M d - N)                        otherwise

        M = omega p (theta / epsilon)^(p - 1) / (epsilon (1 + (theta / epsilon)^p))
        N = theta M - omega ln(1 + (theta / epsilon)^p)

    Parameters
    ----------
    truth, predicted : arrays of equal shape, h and h^
    omega, theta, alpha, epsilon, beta : the paper's (section 5.2), epsilon as in the published code

    Returns
    -------
    array of that shape

    Notes
    -----
    The paper prints ``omega ln d^p``, which is negative and has no bound at d = 0, applies the weight to M d alone, so
    that the two cases do not meet at theta, and does not print M and N. Here they are those of the adaptive wing loss
    itself (Wang et al. 2019, Eqs. 1-3 there), by which value and slope meet.
    """
    distance = np.abs(truth - predicted)
    power = alpha - truth
    at_theta = (theta / epsilon) ** power
    slope = omega * power * (theta / epsilon) ** (power - 1) / (epsilon * (1 + at_theta))
    offset = theta * slope - omega * np.log(1 + at_theta)
    near = omega * np.log(1 + (distance / epsilon) ** power)
    far = slope * distance - offset
    loss: FloatArray = (1 + beta * truth) * np.where(distance < theta, near, far)
    return loss


def prototype(landmarks: FloatArray) -> FloatArray:
    """Eq. 4: ``l_i^mean = (1 / |S|) sum over s in S of l_i^s``, of the training samples alone.

    Parameters
    ----------
    landmarks : (S, L, 3)

    Returns
    -------
    (L, 3), L^mean
    """
    total = np.zeros(landmarks.shape[1:])
    for sample in landmarks:
        total += sample
    return total / len(landmarks)


def coarse_set(vertices: FloatArray, mean: FloatArray) -> IntArray:
    """Eq. 5: ``C = {c_i | c_i = argmin over v in V of d(v, l_i^mean)}``.

    Parameters
    ----------
    vertices : (V, 3)
    mean : (L, 3), L^mean of Eq. 4 in the same coordinates

    Returns
    -------
    (<= L,), ids of the nodes of C, ascending. It is a set: a node that is nearest to two landmarks counts once.
    """
    return np.array(sorted({int(np.linalg.norm(vertices - point, axis=1).argmin()) for point in mean}), dtype=np.int64)


def top(heatmap: FloatArray, t: int = 12) -> IntArray:
    """``top_i(l)``: ids of the t nodes with the highest values of one heatmap (V,); of equal ones the lower ids."""
    return np.argsort(-heatmap, kind="stable")[:t]


def weighted_mean(positions: FloatArray, values: FloatArray) -> FloatArray:
    """Eq. 6: ``m = sum over v in top_i(l) of softmax(H^(v, l)) pos(v)``; alone it is 1S-SGCN.

    Parameters
    ----------
    positions : (t, 3), pos(v) of the nodes of top_i(l)
    values : (t,), their H^(v, l)

    Returns
    -------
    (3,), m

    Notes
    -----
    The paper prints a factor 1 / i before the sum. The softmax already sums to 1, and the factor would move every
    landmark i-fold towards the origin; it is left out.
    """
    weights = np.exp(values) / np.exp(values).sum()
    mean: FloatArray = (weights[:, None] * positions).sum(axis=0)
    return mean


def candidate_vertices(mesh: FloatArray, mean: FloatArray, positions: FloatArray, gamma: float = 5.0) -> IntArray:
    """Eq. 7: ``B_m = {p in P | d(p, m) <= gamma r_m}`` with ``r_m = max d(m, v) over v in top_i(l)``.

    Parameters
    ----------
    mesh : (P, 3), vertices of the original mesh
    mean : (3,), m of Eq. 6
    positions : (t, 3) of the nodes of top_i(l)
    gamma : factor of the radius, above 1

    Returns
    -------
    (<= P,), ids of the vertices of B_m, ascending; of one landmark, not of the balls of all landmarks together
    """
    radius = gamma * np.linalg.norm(positions - mean, axis=1).max()
    return np.flatnonzero(np.linalg.norm(mesh - mean, axis=1) <= radius)


def mse_over_mesh(
    heatmap: FloatArray, nodes: FloatArray, mesh: FloatArray, *, t: int = 12, gamma: float = 5.0, sigma: float = 0.03
) -> int:
    """Eq. 8: the vertex whose Gaussian agrees best with the heatmap of one landmark, by Eq. 6 and 7::

        l^ = argmin over p in B_m of (1 / i) sum over q in top_i(l) of (H^(q, l) - exp(-d(p, q)^2 / (2 sigma^2)))^2

    Parameters
    ----------
    heatmap : (V,), H^(., l)
    nodes : (V, 3), pos(v)
    mesh : (P, 3), vertices of the original mesh
    t, gamma, sigma : of Eq. 6, 7 and 1

    Returns
    -------
    Id of the vertex; of equally good ones the lowest. Where B_m is empty, for which the paper does not provide,
    the vertex nearest to m.
    """
    chosen = top(heatmap, t)
    positions, values = nodes[chosen], heatmap[chosen]
    mean = weighted_mean(positions, values)
    ball = candidate_vertices(mesh, mean, positions, gamma)
    if len(ball) == 0:
        return int(np.linalg.norm(mesh - mean, axis=1).argmin())
    errors = ((values - gaussian_heatmap(mesh[ball], positions, sigma)) ** 2).mean(axis=1)
    return int(ball[errors.argmin()])
