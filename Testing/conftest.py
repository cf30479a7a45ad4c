"""Fixtures shared by the tests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from FacialLandmarks3DLib.worker.client import WorkerClient
    from planning_cases import Pair
    from slicer_scene import Application

    from sgcn_core import LandmarkDetector, Surface
    from sgcn_core.pipeline import Pipeline
    from sgcn_core.training.own.scans import OwnData
    from sgcn_core.training.own.train import OwnTraining


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the development data (face models, real scans); the test skips where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SGCN_SHARED_DATA", default))
    if not (folder / "scans").is_dir():
        pytest.skip(f"development data not found at {folder}; set SGCN_SHARED_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def detector() -> LandmarkDetector:
    """With the shipped weights, loaded once."""
    from sgcn_core import LandmarkDetector

    return LandmarkDetector.from_pretrained()


@pytest.fixture(scope="session")
def face() -> Surface:
    """The demo face; nobody changes it."""
    from sgcn_core.demo import demo_surface

    return demo_surface()


@pytest.fixture(scope="session")
def facescape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small FaceScape; nobody changes it."""
    from dataset_trees import facescape_tree

    return facescape_tree(tmp_path_factory.mktemp("facescape"))


@pytest.fixture
def dad(tmp_path: Path) -> Path:
    """A small DAD-3DHeads."""
    from dataset_trees import dad3dheads_tree

    return dad3dheads_tree(tmp_path)


@pytest.fixture(scope="session")
def own_pipeline() -> Pipeline:
    """A tiny network that knows the landmarks which guide to those of a user's own; nobody changes it."""
    from own_scans import tiny_pipeline

    return tiny_pipeline()


@pytest.fixture(scope="session")
def own_data(own_pipeline: Pipeline) -> OwnData:
    """Ten scans with landmarks of a user's own; nobody changes them."""
    from own_scans import ten_scans

    return ten_scans(own_pipeline)


@pytest.fixture(scope="session")
def own_training(own_pipeline: Pipeline, own_data: OwnData) -> OwnTraining:
    """What training on these scans learns; nobody changes it."""
    from own_scans import OPTIONS

    from sgcn_core.training.own.train import fit_own

    return fit_own(own_pipeline, own_data, OPTIONS, began=time.process_time())


@pytest.fixture
def application(tmp_path: Path) -> Application:
    """A scene of slicer-core."""
    from slicer_scene import Application

    return Application(tmp_path / "cache")


@pytest.fixture
def pair(application: Application) -> Pair:
    """Scans and landmarks of two dates in a scene of slicer-core."""
    from planning_cases import Pair

    return Pair(application)


@pytest.fixture
def start_client() -> Iterator[Callable[..., WorkerClient]]:
    """Starts clients whose workers are small programs, see :mod:`worker_programs`; they end with the test."""
    from worker_programs import client_of

    clients: list[WorkerClient] = []

    def start(script: str, **options: Any) -> WorkerClient:
        clients.append(client_of(script, **options))
        return clients[-1]

    yield start
    for client in clients:
        client.close(patience=0.0)
