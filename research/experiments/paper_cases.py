"""The test faces of the paper's experiments, as meshes with known landmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.experiments.retriangulation import Retriangulation
from research.synthesis.paper_people import EMOTIONS, EXPRESSIONS, PaperPeople
from research.synthesis.scan_meshes import Mesh
from sgcn_core.graph.crop import faces_near

FloatArray = NDArray[np.float64]

TEST_SETS: dict[str, tuple[str, ...]] = {
    "Neutral": ("neutral",),
    "Emotions": tuple(EMOTIONS),
    "Expressions": tuple(EXPRESSIONS),
}
VARIANTS = ("registered", "remeshed")

# What is further than this from every landmark of the mean face, millimetres, is cut off: the face stays, ear to ear.
_REACH = 60.0
# Different triangulations, which take turns from person to person.
_TRIANGULATIONS = 4


@dataclass(frozen=True, eq=False)
class Case:
    """One test face.

    Attributes
    ----------
    person, condition : who, and how the face looks
    mesh : Mesh, head frame with a small residual pose, millimetres
    landmarks : (L, 3), the truth
    """

    person: int
    condition: str
    mesh: Mesh
    landmarks: FloatArray


class PaperCases:
    """Test faces of ``people``, cut out of the head, in both variants.

    Parameters
    ----------
    people : PaperPeople
    vertices : of a face that is triangulated anew (FaceScape has about 25,000)
    """

    def __init__(self, people: PaperPeople, *, vertices: int = 25000) -> None:
        self.people = people
        faces = people.model.faces.cpu().numpy()
        neutral = people.model.neutral.double().cpu().numpy()
        near = faces_near(neutral, faces, neutral[people.model.landmarks.cpu().numpy()], _REACH)
        self.used, compact = np.unique(faces[near], return_inverse=True)
        self.faces = compact.reshape(-1, 3)
        template = Mesh(neutral[self.used], self.faces)
        self.triangulations = [Retriangulation.of(template, vertices, seed=seed) for seed in range(_TRIANGULATIONS)]

    def faces_of(self, test: str, variant: str, count: int) -> Iterator[Case]:
        """The first ``count`` test people in each condition of a test set.

        Parameters
        ----------
        test : {"Neutral", "Emotions", "Expressions"}
        variant : {"registered", "remeshed"}
            Whether each landmark is a vertex of the mesh, or the mesh has another triangulation.
        """
        if variant not in VARIANTS:
            raise ValueError(f"unknown variant {variant!r}; choose from {', '.join(VARIANTS)}")
        for person in self.people.test[:count]:
            for condition in TEST_SETS[test]:
                yield self.face(person, condition, variant)

    def face(self, person: int, condition: str, variant: str) -> Case:
        """One face of anybody."""
        vertices, landmarks = (part.double().cpu().numpy() for part in self.people.face(person, condition))
        mesh = Mesh(vertices[self.used], self.faces)
        if variant == "remeshed":
            mesh = self.triangulations[person % _TRIANGULATIONS].apply(mesh)
        return Case(person, condition, mesh, landmarks)
