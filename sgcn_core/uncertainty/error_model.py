"""Error model: expected error of a landmark in mm, and probability that it is absent, from features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.arrays import under
from sgcn_core.uncertainty.domain import Domain, ErrorLengths

FloatArray = NDArray[np.float64]

EDGES: tuple[float, ...] = (0.0, 0.35, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0, 45.0)
"""Limits of the classes of error, millimetres of the head frame; larger errors count as the last. One more class stands
for a landmark that the scan does not show."""

BOUND_SHARE = 0.9
"""Share of landmarks whose error shall lie below their stated bound."""

_DOMAIN = "domain."


@dataclass(frozen=True, eq=False)
class ErrorEstimate:
    """Error estimates of L landmarks; lengths in millimetres of the person.

    Attributes
    ----------
    absent : (L,), probability that the scan does not show the landmark
    expected : (L,), mean error if it does
    bound : (L,), 90 % bound of the error if it does
    within : (L,), probability that it does and the error is at most the distance asked for
    """

    absent: FloatArray
    expected: FloatArray
    bound: FloatArray
    within: FloatArray


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """A network of one hidden layer that gives the probability of every class of error.

    Attributes
    ----------
    centre, scale : (F,), of the features
    label : (L, E), embedding of each landmark
    hidden : (F + E, H) and hidden_bias : (H,), followed by tanh
    output : (H, C) and output_bias : (C,), followed by softmax; C classes: those of ``EDGES``, then absent
    typical : (C - 1,), mean error of each class, millimetres of the head frame
    stretch : (1,), factor on the bound, by which it holds for as many landmarks as it says (conformal)
    missing_above : (1,), probability of being absent above which a landmark is reported missing
    domain : Domain or None, what a stated error holds besides the network's; None in weights from before it was known
    """

    centre: FloatArray
    scale: FloatArray
    label: FloatArray
    hidden: FloatArray
    hidden_bias: FloatArray
    output: FloatArray
    output_bias: FloatArray
    typical: FloatArray
    stretch: FloatArray
    missing_above: FloatArray
    domain: Domain | None = None

    def __post_init__(self) -> None:
        features, labels = len(self.centre), self.label.shape
        expected = {
            "hidden": (features + labels[1], len(self.hidden_bias)),
            "output": (len(self.hidden_bias), len(EDGES)),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"the error model's {name} has shape {getattr(self, name).shape}, expected {shape}")
        if self.domain is not None and len(self.domain.observers) != labels[0]:
            raise ValueError(f"the domain knows {len(self.domain.observers)} landmarks, the error model {labels[0]}")

    def probabilities(self, features: FloatArray, labels: NDArray[np.int64] | None = None) -> FloatArray:
        """Probability of every class (M, C) for rows of features (M, F); row i is of landmark ``labels[i]``, or i."""
        own = self.label if labels is None else self.label[labels]
        inputs = np.concatenate([(features - self.centre) / self.scale, own], axis=1)
        scores = np.tanh(inputs @ self.hidden + self.hidden_bias) @ self.output + self.output_bias
        powers = np.exp(scores - scores.max(1, keepdims=True))
        shares: FloatArray = powers / powers.sum(1, keepdims=True)
        return shares

    def estimate(
        self, features: FloatArray, *, within: float, size: float = 1.0, labels: NDArray[np.int64] | None = None
    ) -> ErrorEstimate:
        """Assess landmarks by their features.

        Parameters
        ----------
        features : (M, F)
        within : the distance asked for, millimetres of the person
        size : millimetres of the person for one of the head frame
        labels : (M,), which landmark each row is of; by default 0 to M - 1
        """
        shares = self.probabilities(features, labels)
        present = np.maximum(1.0 - shares[:, -1], 1e-9)
        of_present = shares[:, :-1] / present[:, None]
        if self.domain is None:
            below = np.concatenate([np.zeros((len(shares), 1)), np.cumsum(of_present, axis=1)], axis=1)
            expected = size * (of_present @ self.typical)
            bound = size * _quantiles(below, BOUND_SHARE) * self.stretch[0]
            reached = np.array([np.interp(within / size, EDGES, row) for row in below])
        else:
            lengths = ErrorLengths(size * self.typical, of_present, self.domain.offset(labels))
            expected, reached = lengths.mean(), lengths.within(within)
            bound = lengths.quantile(BOUND_SHARE) * self.domain.factor[self.domain.group(labels)]
        return ErrorEstimate(
            absent=shares[:, -1],
            expected=expected,
            bound=bound,
            within=np.clip(reached * present, 0.0, 1.0),
        )

    def least_bound(self, *, size: float = 1.0) -> FloatArray:
        """90 % bound (L,) of a landmark that the network places as well as it ever does, millimetres of the person.

        What is left are the landmark's definition and the domain. 0 where no domain is known.
        """
        if self.domain is None:
            return np.zeros(len(self.label))
        best = np.ones((len(self.label), 1))
        lengths = ErrorLengths(size * self.typical[:1], best, self.domain.offset())
        bound: FloatArray = lengths.quantile(BOUND_SHARE) * self.domain.factor[self.domain.group()]
        return bound

    def limits(self, otherwise: float) -> FloatArray:
        """90 % bound (L,) above which each landmark is uncertain; ``otherwise`` where no domain is known."""
        if self.domain is None:
            return np.full(len(self.label), otherwise)
        return self.domain.limit[self.domain.group()]

    def symmetric(self, mirror: NDArray[np.int64]) -> ErrorModel:
        """The model that says the same of the right and the left landmark where the same is seen of both.

        Parameters
        ----------
        mirror : (L,), number of the same landmark on the other side of the face; the own one in the midline
        """
        return replace(self, label=(self.label + self.label[mirror]) / 2.0)

    def arrays(self) -> dict[str, FloatArray]:
        """All that has to be stored, by name."""
        own = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "domain"}
        of_domain = {} if self.domain is None else self.domain.arrays()
        return own | {_DOMAIN + name: values for name, values in of_domain.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.floating]]) -> ErrorModel:
        """The model of :meth:`arrays`; KeyError where one is lacking. Files without a domain are read, too."""
        names = [entry.name for entry in fields(cls) if entry.name != "domain"]
        domain = under(arrays, _DOMAIN)
        return cls(
            **{name: np.asarray(arrays[name], dtype=np.float64) for name in names},
            domain=Domain.from_arrays(domain) if domain else None,
        )


def _quantiles(below: FloatArray, share: float) -> FloatArray:
    """Where each row's distribution, linear between ``EDGES``, reaches ``share``."""
    edges = np.array(EDGES)
    upper = np.argmax(below >= min(share, 1.0 - 1e-9), axis=1).clip(1)
    rows = np.arange(len(below))
    low, high = below[rows, upper - 1], below[rows, upper]
    part = np.clip((share - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
    quantile: FloatArray = edges[upper - 1] + part * (edges[upper] - edges[upper - 1])
    return quantile
