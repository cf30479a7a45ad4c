"""The paper's experiments (section 5), run on generated people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from research.experiments.measurements import Measurements, Setting
from research.experiments.paper_cases import VARIANTS, Case, PaperCases
from research.experiments.paper_networks import PaperNetwork, errors_on
from sgcn_core.errors import FaceNotFoundError

PAPER_DEPTH, PAPER_T = 20, 12
MODES = ("paper", "mean", "surface", "guided", "guided vertex")
T_VALUES = (1, 2, 4, 6, 8, 12, 16, 24, 35)
NODE_COUNTS = (1000, 2000, 3000, 4000, 8000)
# What each training set is tested on (Table 1).
TESTS = {"neutral": ("Neutral", "Expressions"), "emotions": ("Emotions", "Expressions")}

Report = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Test people of each experiment; the paper has 169 of each, which takes hours on one thread.

    Parameters
    ----------
    neutral, emotions, expressions : of Table 1, with 1, 4 and 16 faces each
    sweeps : of the figures over t, |V| and D
    shipped : of the tests of the weights made for use
    """

    neutral: int = 169
    emotions: int = 40
    expressions: int = 12
    sweeps: int = 24
    shipped: int = 12

    @classmethod
    def all(cls, people: int) -> Sizes:
        """The same number everywhere."""
        return cls(neutral=people, emotions=people, expressions=people, sweeps=people, shipped=people)

    def of(self, test: str) -> int:
        """Of a test set."""
        return int(getattr(self, test.lower()))


def run_table(
    networks: Sequence[PaperNetwork], cases: PaperCases, sizes: Sizes, report: Report, *, seed: int = 0
) -> Measurements:
    """Table 1: the networks of the paper's depth, each on its test sets, in both variants and all modes."""
    measured = Measurements()
    full = [network for network in networks if network.depth == PAPER_DEPTH]
    jobs = [(test, variant) for test in ("Neutral", "Emotions", "Expressions") for variant in VARIANTS]
    for number, (test, variant) in enumerate(jobs):
        tested = [network for network in full if test in TESTS[network.training_set]]
        for case in cases.faces_of(test, variant, sizes.of(test)) if tested else ():
            report(f"{test}, {variant}, person {case.person}", number / len(jobs))
            for network in tested:
                _measure(measured, case, network, test, variant, [(mode, PAPER_T) for mode in MODES], seed=seed)
    return measured


def run_sweeps(
    networks: Sequence[PaperNetwork], cases: PaperCases, people: int, report: Report, *, seed: int = 0
) -> Measurements:
    """Figures 8 and 9: over the nodes and t, with the SGCN of the paper's depth trained on Neutral."""
    measured = Measurements()
    chosen = [n for n in networks if (n.training_set, n.name, n.depth) == ("neutral", "SGCN", PAPER_DEPTH)]
    for number, variant in enumerate(VARIANTS):
        for case in cases.faces_of("Neutral", variant, people) if chosen else ():
            report(f"sweeps, {variant}, person {case.person}", number / len(VARIANTS))
            for network in chosen:
                ways = [(mode, t) for mode in MODES for t in T_VALUES]
                _measure(measured, case, network, "Neutral", variant, ways, seed=seed)
                ways = [(mode, PAPER_T) for mode in MODES]
                for nodes in NODE_COUNTS:
                    if nodes != network.nodes:
                        _measure(measured, case, network, "Neutral", variant, ways, nodes=nodes, seed=seed)
    return measured


def run_depths(
    networks: Sequence[PaperNetwork], cases: PaperCases, people: int, report: Report, *, seed: int = 0
) -> Measurements:
    """Figure 11: networks of several depths, all trained on Neutral."""
    measured = Measurements()
    for number, variant in enumerate(VARIANTS):
        for case in cases.faces_of("Neutral", variant, people) if networks else ():
            report(f"depths, {variant}, person {case.person}", number / len(VARIANTS))
            for network in networks:
                ways = [(mode, PAPER_T) for mode in MODES]
                _measure(measured, case, network, "Neutral", variant, ways, seed=seed)
    return measured


def run_shipped(
    network: PaperNetwork, cases: PaperCases, people: int, report: Report, *, seed: int = 0
) -> Measurements:
    """The weights made for use on the same tests: 8000 nodes, the upright pose known, aligned by their landmarks."""
    measured = Measurements()
    jobs = [(test, variant) for test in ("Neutral", "Emotions", "Expressions") for variant in VARIANTS]
    for number, (test, variant) in enumerate(jobs):
        for case in cases.faces_of(test, variant, people):
            report(f"{test}, {variant}, person {case.person}", number / len(jobs))
            ways = [(mode, PAPER_T) for mode in MODES]
            _measure(measured, case, network, test, variant, ways, known_pose=False, nodes=8000, seed=seed)
    return measured


def _measure(
    measured: Measurements,
    case: Case,
    network: PaperNetwork,
    test: str,
    variant: str,
    ways: Sequence[tuple[str, int]],
    *,
    nodes: int | None = None,
    known_pose: bool = True,
    seed: int,
) -> None:
    """Add the errors of one network on one face; of a face that is refused all landmarks are missing."""
    try:
        found = errors_on(case, network, ways, nodes=nodes, known_pose=known_pose, seed=seed)
    except FaceNotFoundError:
        found = [case.landmarks[:, 0] * 0.0 + float("nan")] * len(ways)
    for (mode, t), errors in zip(ways, found, strict=True):
        setting = Setting(
            training=network.training_set,
            network=network.name,
            depth=network.depth,
            steps=network.steps,
            nodes=nodes or network.nodes,
            test=test,
            variant=variant,
            mode=mode,
            t=t,
        )
        measured.add(setting, case.condition, errors)
