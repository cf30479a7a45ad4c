"""The paper's populations (section 5.1) on generated people: the same persons in 20 fixed facial conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from research.synthesis.alignment import axis_angle_rotations
from research.synthesis.face_model import FaceModel
from research.synthesis.random_tensors import Draw

# ARKit shapes of each condition at full strength; a name without side means both sides.
EMOTIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "smile": {"mouthSmile": 0.8, "cheekSquint": 0.4, "mouthDimple": 0.2},
    "sadness": {"mouthFrown": 0.8, "browInnerUp": 0.6, "mouthShrugLower": 0.3, "eyeSquint": 0.2},
    "anger": {"browDown": 0.8, "noseSneer": 0.4, "eyeSquint": 0.4, "mouthPress": 0.5},
}
EXPRESSIONS: dict[str, dict[str, float]] = {
    "mouth stretch": {"jawOpen": 0.9, "mouthStretch": 0.5, "mouthLowerDown": 0.3},
    "jaw left": {"jawLeft": 0.9},
    "jaw right": {"jawRight": 0.9},
    "jaw forward": {"jawForward": 0.9},
    "mouth left": {"mouthLeft": 0.9},
    "mouth right": {"mouthRight": 0.9},
    "dimpler": {"mouthDimple": 0.9},
    "chin raiser": {"mouthShrugLower": 0.9, "mouthShrugUpper": 0.4},
    "lip puckerer": {"mouthPucker": 0.9},
    "lip funneler": {"mouthFunnel": 0.9, "jawOpen": 0.2},
    "lip roll": {"mouthRollLower": 0.8, "mouthRollUpper": 0.8},
    "grin": {"mouthSmile": 0.8, "mouthUpperUp": 0.6, "mouthLowerDown": 0.5, "cheekSquint": 0.4},
    "cheek blowing": {"cheekPuff": 0.9},
    "eye closed": {"eyeBlink": 1.0},
    "brow raiser": {"browInnerUp": 0.8, "browOuterUp": 0.8},
    "brow lower": {"browDown": 0.9},
}
CONDITIONS: dict[str, dict[str, float]] = {**EMOTIONS, **EXPRESSIONS}


@dataclass(frozen=True, kw_only=True)
class PeopleOptions:
    """Who is generated.

    Parameters
    ----------
    train, validation, test : number of people of each part; nobody is in two of them
    identity : standard deviation of the identity weights
    asymmetry : standard deviation of the identity weights that differ between left and right
    strength : range of a person's strength of a condition
    rotation, translation : standard deviations of the residual pose about each axis, degrees and millimetres
    seed : of everything
    """

    train: int = 678
    validation: int = 32
    test: int = 169
    identity: float = 1.0
    asymmetry: float = 0.15
    strength: tuple[float, float] = (0.7, 1.0)
    rotation: float = 0.5
    translation: float = 0.5
    seed: int = 2025


class PaperPeople:
    """People of the paper's experiments: identity ~ N(0, 1), a little asymmetry, no hair, no noise, upright.

    Parameters
    ----------
    model : FaceModel
        Only its iBUG landmarks are kept (all of them, where it has none of that name).
    options : PeopleOptions
    """

    def __init__(self, model: FaceModel, options: PeopleOptions | None = None) -> None:
        self.options = chosen = options or PeopleOptions()
        self.model = with_ibug_landmarks(model)
        draw = Draw(torch.Generator(model.device).manual_seed(chosen.seed))
        count = chosen.train + chosen.validation + chosen.test
        modes = len(model.identity)
        self.identity = draw.normal(chosen.identity, count, modes)
        self.skew = draw.normal(chosen.asymmetry, count, modes)
        strength = draw.uniform(*chosen.strength, count, len(CONDITIONS), 1)
        recipes = [expression_weights(model.expression_names, shapes) for shapes in CONDITIONS.values()]
        self.expression = strength * torch.stack(recipes).to(model.device)
        self.pose = draw.normal(1.0, count, len(CONDITIONS), 6)

    @property
    def train(self) -> range:
        """Ids of the people to train on."""
        return range(self.options.train)

    @property
    def validation(self) -> range:
        """Ids of the people whose error is logged while training."""
        return range(self.options.train, self.options.train + self.options.validation)

    @property
    def test(self) -> range:
        """Ids of the people to test on."""
        start = self.options.train + self.options.validation
        return range(start, start + self.options.test)

    def vertices(self, people: Sequence[int] | Tensor, conditions: Sequence[int] | Tensor) -> Tensor:
        """Vertices (B, V, 3) of B people, each in one of the ``CONDITIONS``; head frame, millimetres."""
        model = self.model
        who = torch.as_tensor(people, device=model.device)
        how = torch.as_tensor(conditions, device=model.device)
        basis = model.identity.flatten(1)
        side = torch.tanh(model.neutral[:, :1] / 20.0)
        shape = model.neutral + (self.identity[who] @ basis).view(len(who), -1, 3)
        shape = shape + side * (self.skew[who] @ basis).view(len(who), -1, 3)
        return shape + (self.expression[who, how] @ model.expression.flatten(1)).view(len(who), -1, 3)

    def posed(self, vertices: Tensor, pose: Tensor) -> Tensor:
        """Turn and shift vertices (B, V, 3) by standard normal numbers (B, 6), scaled as the options say."""
        turn = axis_angle_rotations(pose[:, :3] * (self.options.rotation * torch.pi / 180.0))
        centre = self.model.neutral.mean(0)
        return (vertices - centre) @ turn.transpose(1, 2) + centre + pose[:, None, 3:] * self.options.translation

    def face(self, person: int, condition: str) -> tuple[Tensor, Tensor]:
        """One face in its fixed residual pose: vertices (V, 3) and landmarks (L, 3)."""
        how = list(CONDITIONS).index(condition)
        vertices = self.posed(self.vertices([person], [how]), self.pose[[person], how])[0]
        return vertices, vertices[self.model.landmarks]

    def training_landmarks(self, conditions: Sequence[str]) -> Tensor:
        """Landmarks (faces, L, 3) of the training people in each of the conditions, without residual pose."""
        landmarks = []
        for condition in conditions:
            how = list(CONDITIONS).index(condition)
            for chunk in torch.tensor(self.train).split(64):
                landmarks.append(self.vertices(chunk, [how] * len(chunk))[:, self.model.landmarks])
        return torch.cat(landmarks)

    def mean_landmarks(self, conditions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Prototype (L, 3) over the training people (Eq. 4), and the root mean square distance (L,) from it."""
        together = self.training_landmarks(conditions)
        mean = together.mean(0)
        return mean, (together - mean).square().sum(2).mean(0).sqrt()


def with_ibug_landmarks(model: FaceModel) -> FaceModel:
    """The model with the 68 landmarks of the paper alone, as published; unchanged where it names none of them."""
    rows = [row for row, label in enumerate(model.labels) if label.startswith("ibug")]
    if not rows:
        return model
    landmarks = model.landmarks[rows] if model.published is None else model.published
    return replace(model, labels=tuple(model.labels[row] for row in rows), landmarks=landmarks)


def expression_weights(names: Sequence[str], shapes: Mapping[str, float]) -> Tensor:
    """Weights (E,) of a condition; shapes that the model lacks are left out."""
    weights = torch.zeros(len(names))
    for row, name in enumerate(names):
        weights[row] = shapes.get(name, shapes.get(name.removesuffix("_L").removesuffix("_R"), 0.0))
    return weights
