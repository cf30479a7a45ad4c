"""Pose search, and the unit of the coordinates, inferred from head size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from sgcn_core.errors import FaceNotFoundError, LandmarkError, SurfaceError
from sgcn_core.geometry.similarity import Similarity, scaling
from sgcn_core.graph.crop import CROP_CENTRE
from sgcn_core.pose.finder import HeadFinder, PoseHypothesis
from sgcn_core.pose.manual import pose_of_points
from sgcn_core.pose.probe import SurfaceProbe
from sgcn_core.types.units import UNITS_TO_MM, checked_unit, in_mm
from sgcn_core.uncertainty.assess import USUAL_SIZES

STATED, IN_FILE, FROM_SIZE = "stated", "file", "size of the head"
HUMAN_SIZES = (0.6, 1.6)
"""Size of people's heads relative to the average adult's; the unit is not inferred from other sizes."""

# Millimetres across: no face is smaller, and in anything larger than a room it would not be found.
_ACROSS = (40.0, 30_000.0)
# A head is surely seen.
_CLEAR = 0.35
# Heads of other sizes are looked for where none of the usual size is seen: dolls, models, scans of wrong scale.
_SIZES = (0.5, 2.0, 0.25, 4.0)
_OFF_SIZE = 0.7  # of the confidence counts then
# Least confidence then: 0.80 and more of models of heads; 0.09 of the brain in an image, 0.14 of another false face.
_LEAST_OFF_SIZE = 0.2
# Faces apart by more millimetres of the average head are two, if the second is seen about as well as any head.
_TWO_APART, _TWO_CLEAR, _TWO_SHARE = 150.0, _CLEAR, 0.5
_USUAL = 300.0  # millimetres across, of a scan
# Where no unit fits, heads are looked for as if the surface were so many millimetres across, unless it was looked at
# within this factor of that size before.
_ANY_SCALE, _LOOKED_AT = (150.0, 300.0, 600.0, 1200.0), 1.5
# Axes of the head in the patient's axes: to the subject's left, up, out of the face.
_UPRIGHT = {
    "LPS": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
    "RAS": np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]),
}
_FRONT = 70.0  # millimetres around the middle of the face, mostly of the face itself
_STANDS = np.cos(np.deg2rad(60.0))
_TRUST = 1.5  # by which a pose counts more that stands as the file states


@dataclass(frozen=True, eq=False)
class Located:
    """Candidate poses of the head.

    Attributes
    ----------
    unit : of the surface
    unit_source : "stated" by the caller, in the "file", or from the "size of the head"
    hypotheses : from millimetres of the scan to the head frame, best first
    """

    unit: str
    unit_source: str
    hypotheses: list[PoseHypothesis]

    def in_pose(self, to_head: Similarity) -> Located:
        """The same unit with one pose, as confident as the best."""
        return replace(self, hypotheses=[replace(self.hypotheses[0], to_head=to_head)])


def locate_head(
    finder: HeadFinder,
    probe: SurfaceProbe,
    *,
    across: float,
    stated: str | None,
    in_file: str | None,
    frame: str | None,
    other_sizes: bool = True,
) -> Located:
    """Find the head, and the unit in which it has the size of one.

    Parameters
    ----------
    finder : HeadFinder
    probe : SurfaceProbe, in the unit of the file
    across : largest side of the bounding box, in the unit of the file
    stated : unit that the caller knows; no other is tried then
    in_file : unit that the file declares; believed where a head is seen in it
    frame : "LPS" or "RAS" where the axes are said to be the patient's; a pose that fits is tried first
    other_sizes : whether heads of no person's size are looked for too: not where the millimetres are certain

    Raises
    ------
    FaceNotFoundError
        No part of a face is found on the surface, in any unit.
    """
    units = [checked_unit(stated)] if stated is not None else list(_possible_units(across, in_file))
    best: Located | None = None
    best_score = 0.0
    for size in (1.0, *_SIZES) if other_sizes else (1.0,):
        for unit in units:
            # All but the likeliest are looked at closely only where a glimpse shows something.
            likeliest = size == 1.0 and unit == units[0]
            source = STATED if stated is not None else IN_FILE if unit == in_file else FROM_SIZE
            found = _looked_for(finder, probe, unit, size, frame, glimpse=not likeliest)
            score = found[0].confidence * (1.0 if size == 1.0 else _OFF_SIZE) if found else 0.0
            if score > best_score:
                best, best_score = Located(unit, source, found), score
            if best is not None and best_score > _CLEAR:
                return best
    if stated is None and other_sizes:
        other = _of_any_scale(finder, probe, units, across, in_file=in_file, frame=frame)
        if other is not None and _OFF_SIZE * other.hypotheses[0].confidence > best_score:
            best = other
    if best is None:
        raise FaceNotFoundError(_nothing())
    return best


def _looked_for(
    finder: HeadFinder, probe: SurfaceProbe, unit: str, size: float, frame: str | None, *, glimpse: bool
) -> list[PoseHypothesis]:
    """Poses of heads of this size against the average one; of other sizes those that are clear."""
    found = _posed(finder, probe.scaled(in_mm(unit) / size), size, frame, glimpse=glimpse)
    if size == 1.0:
        return found
    return [hypothesis for hypothesis in found if hypothesis.confidence >= _LEAST_OFF_SIZE]


def _of_any_scale(
    finder: HeadFinder, probe: SurfaceProbe, units: list[str], across: float, *, in_file: str | None, frame: str | None
) -> Located | None:
    """A head on a surface of a scale that no unit explains, as of a model made to fit into a box."""
    unit = units[0] if units else "mm"
    looked_at = [across * in_mm(tried) / size for tried in units for size in (1.0, *_SIZES)]
    best: Located | None = None
    for shown in _ANY_SCALE:
        if any(max(shown / before, before / shown) < _LOOKED_AT for before in looked_at):
            continue
        found = _looked_for(finder, probe, unit, across * in_mm(unit) / shown, frame, glimpse=True)
        if found and (best is None or found[0].confidence > best.hypotheses[0].confidence):
            best = Located(unit, IN_FILE if unit == in_file else FROM_SIZE, found)
    return best


def check_size(located: Located, size: float, in_file: str | None) -> list[str]:
    """Notes on unit and size, once the size of the head against the average one is known.

    Raises
    ------
    SurfaceError
        The unit cannot be inferred: the head has no human size in any unit.
    """
    notes = []
    if not HUMAN_SIZES[0] < size < HUMAN_SIZES[1]:
        if located.unit_source == FROM_SIZE:
            raise SurfaceError(
                f"a head is seen, but the unit is unclear: with the unit {located.unit!r} it would be {size:.3g} "
                "times as large as the average adult's, and no other fits better; state the unit (`unit`), or the "
                f"millimetres of one unit (`mm_per_unit`; {in_mm(located.unit) / size:.4g} would make it an average "
                "head)"
            )
        notes.append(
            f"in {located.unit} the head is {size:.3g} times as large as the average adult's; check the unit, and "
            "state it (`unit` or `mm_per_unit`)"
        )
    elif not USUAL_SIZES[0] <= size <= USUAL_SIZES[1]:
        notes.append(
            f"the head is {size:.2f} times as large as the average adult's; nearly all adults and children have "
            f"{USUAL_SIZES[0]:g} to {USUAL_SIZES[1]:g}: check the unit"
        )
    if in_file is not None and located.unit != in_file and located.unit_source == FROM_SIZE:
        notes.append(f"unit inferred from head size: {located.unit} (the file states {in_file})")
    elif located.unit == "in" and located.unit_source == FROM_SIZE:
        notes.append("unit inferred from head size: inches; if the scan has no true size, state it (`mm_per_unit`)")
    return notes


def other_faces(located: Located, to_head: Similarity) -> list[str]:
    """A note if the surface shows other faces than the one whose landmarks are given; empty if not.

    Parameters
    ----------
    located : Located
    to_head : Similarity, of the face that was taken, from millimetres of the scan to the head frame
    """
    middle = np.array([CROP_CENTRE])
    least = max(_TWO_CLEAR, _TWO_SHARE * located.hypotheses[0].confidence)
    faces = [to_head]
    for hypothesis in located.hypotheses:
        if hypothesis.confidence < least:
            continue
        place = hypothesis.to_head.inverse().apply(middle)
        if all(np.linalg.norm(face.apply(place) - middle) > _TWO_APART for face in faces):
            faces.append(hypothesis.to_head)
    if len(faces) == 1:
        return []
    places = [face.inverse().apply(middle)[0] / in_mm(located.unit) for face in faces]
    this, *others = ("(" + ", ".join(f"{value:.4g}" for value in place) + ")" for place in places)
    return [
        f"{len(faces)} faces: the landmarks are those of the face at {this} {located.unit}, not of the one at "
        f"{' or '.join(others)}; cut the surface to get those"
    ]


def located_by_hand(
    points: Mapping[str, Sequence[float]],
    typical: Mapping[str, ArrayLike],
    probe: SurfaceProbe,
    *,
    stated: str | None,
    in_file: str | None,
) -> Located:
    """The pose that three points or more show; see ``pose_of_points``. The unit follows from them if nobody states it.

    Raises
    ------
    LandmarkError
        The points do not fit a face, or the face would look inwards: then right and left are exchanged.
    """
    known = stated or in_file
    units = [checked_unit(known)] if known else ["mm", *(unit for unit in UNITS_TO_MM if unit != "mm")]
    refusals, fitting = [], []
    for unit in units:
        try:
            pose = pose_of_points(points, typical, to_mm=in_mm(unit))
        except LandmarkError as error:
            refusals.append(error)
        else:
            fitting.append((unit, pose))
    if not fitting:
        raise refusals[0]
    unit, pose = min(fitting, key=lambda fit: abs(np.log(fit[1].scale)))
    _refuse_exchanged(probe.scaled(in_mm(unit)), pose)
    return Located(unit, STATED if stated else IN_FILE if in_file else FROM_SIZE, [PoseHypothesis(pose, 1.0)])


def _refuse_exchanged(probe: SurfaceProbe, to_head: Similarity) -> None:
    """With right and left exchanged three points still fit, about the line from between the eyes to the nose: the head
    would look to where its chin is. The surface there tells the two apart, as it looks forwards on the whole."""
    near = np.linalg.norm(to_head.apply(probe.points) - np.array(CROP_CENTRE), axis=1) < _FRONT
    _, up, forward = to_head.apply_to_normals(probe.normals[near]).sum(0)
    if forward < abs(up):
        raise LandmarkError(
            "the surface faces away from the direction of the initial landmarks: right and left may be "
            "exchanged (they are the subject's own)"
        )


def _possible_units(across: float, in_file: str | None) -> Iterator[str]:
    """The declared unit, then those in which the surface has the size of something with a head, likeliest first."""
    if in_file is not None:
        yield in_file
    others = [unit for unit, factor in UNITS_TO_MM.items() if _ACROSS[0] <= across * factor <= _ACROSS[1]]
    for unit in sorted(others, key=lambda unit: abs(np.log(across * UNITS_TO_MM[unit] / _USUAL))):
        if unit != in_file:
            yield unit


def _posed(
    finder: HeadFinder, probe: SurfaceProbe, size: float, frame: str | None, *, glimpse: bool
) -> list[PoseHypothesis]:
    """Poses, from millimetres of the scan, found on a probe that was divided by the size of the head."""
    if glimpse and not finder.glimpse(probe):
        return []
    shrink = scaling(1.0 / size)
    found = [PoseHypothesis(hypothesis.to_head @ shrink, hypothesis.confidence) for hypothesis in finder.find(probe)]
    if frame is None:
        return found
    return sorted(found, key=lambda hypothesis: -hypothesis.confidence * (_TRUST if _stands(hypothesis, frame) else 1))


def _stands(hypothesis: PoseHypothesis, frame: str) -> bool:
    """Whether the head is turned as the patient's axes say, within 60 degrees."""
    turn = hypothesis.to_head.rotation @ _UPRIGHT[frame].T
    return bool((np.trace(turn) - 1.0) / 2.0 > _STANDS)


def _nothing() -> str:
    return (
        "no face found; check that the file holds the outer skin of a head, and the unit, "
        "or place the initial landmarks (three points)"
    )
