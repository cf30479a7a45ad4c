"""The comparison with another checkout: which package is measured, in what order, and what counts as slower."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from research.benchmarks import against
from research.benchmarks.against import Compared, alternate, measure
from research.benchmarks.threads import ratios


def test_runs_alternate_and_each_side_begins_as_often() -> None:
    order: list[str] = []

    def side(name: str) -> against.Run:
        return lambda: order.append(name) or {"seconds": len(order), "processor_seconds": 1.0}  # type: ignore[func-returns-value]

    compared = alternate(side("here"), side("there"), 4)
    assert order == ["here", "there", "there", "here"] * 2
    assert [wall for wall, _ in compared.here] == [1, 4, 5, 8] and [wall for wall, _ in compared.there] == [2, 3, 6, 7]


def test_a_ratio_is_the_median_of_the_pairs_and_slower_is_not_reached() -> None:
    there = [(1.0, 1.0), (2.0, 2.0), (4.0, 4.0)]
    slower = Compared([(1.2, 1.1), (2.2, 2.2), (40.0, 4.8)], there)
    assert slower.ratio(0) == pytest.approx(1.2) and slower.ratio(1) == pytest.approx(1.1)
    assert slower.criterion("x").reached is False
    # Other programs on the machine take the clock's time, not the processor's.
    busy = Compared([(1.5, 1.0), (3.0, 2.0), (6.0, 4.0)], there)
    assert busy.criterion("x").reached is True and "1.50x" in busy.criterion("x").measured


def test_each_package_is_that_of_its_own_checkout(tmp_path: Path) -> None:
    (tmp_path / "sgcn_core").mkdir()
    (tmp_path / "sgcn_core" / "__init__.py").write_text("")
    assert Path(against._import(tmp_path)["package"]) == tmp_path / "sgcn_core" / "__init__.py"
    assert Path(against._import(against.HERE)["package"]) == against.HERE / "sgcn_core" / "__init__.py"
    with pytest.raises(RuntimeError, match="was measured instead of the package in"):
        against._check_package(against._import(against.HERE), tmp_path)


def test_a_folder_without_the_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="holds no sgcn_core; give the folder of a checkout"):
        next(measure(tmp_path, tmp_path / "scan.ply", repeats=1, cold_repeats=1))


def test_threads_are_compared_within_each_round() -> None:
    class Fixed:
        def __init__(self, *seconds: float) -> None:
            self.left = list(seconds)

        def detect(self) -> dict[str, float]:
            return {"seconds": self.left.pop(0)}

    processes: Any = {"1 thread": Fixed(1.0, 2.0, 10.0), "2 threads": Fixed(0.8, 1.4, 40.0)}
    assert ratios(processes, 3) == {"1 thread": (1.0, 2.0), "2 threads": (pytest.approx(0.8), 1.4)}


def test_both_ways_of_training_learn_the_same() -> None:
    pytest.importorskip("torch_geometric", reason="the comparison needs torch-geometric")
    from research.benchmarks.training_rate import run

    found = run(nodes=200, graphs=2, repeats=1, depth=1, channels=8)
    assert found["largest_difference"] < 1e-4 and found["times_faster"] > 0
