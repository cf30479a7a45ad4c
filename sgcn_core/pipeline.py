"""The one path from a file to landmarks; each step gives a named, immutable value in a stated frame.

    file         Surface, in the input's frame and unit               read_scan
    Surface      Reduced: with a decimated copy where it is large     reduced
    Reduced      Cleaned: its outer skin, normals outwards            clean_surface
    Cleaned      Located: the unit, and poses of heads to try         locate
    Located      PosedScan: millimetres, with the pose of the head    pose
    PosedScan    FaceGraph: crop, nodes and edges, normalised         graph      section 4.1
    FaceGraph    Heatmaps                                             heatmaps   stage 1
    Heatmaps     Placed: landmarks on the surface, normalised         place      stage 2, section 4.2
    Placed       the same, on the original of a decimated surface     place_on_original
    Placed       Assessment: confidence, status, errors in mm         assess
    Assessment   LandmarkResult, in the input's frame and unit        result

Weights with landmarks of a user's own go the same way; these are then placed by those of the network (``place_own``).

Detector, calibration, the paper's experiments and the Slicer worker all go this way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from sgcn_core.cleaning.clean import Cleaned
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.geometry.closest_point import closest_on_surface, closest_places
from sgcn_core.geometry.procrustes import align_to_prototype
from sgcn_core.geometry.similarity import Similarity, from_crop, scaling, standardise_paper
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.graph.crop import Region
from sgcn_core.graph.face_graph import BEYOND, FaceGraph, build_face_graph
from sgcn_core.method import Method
from sgcn_core.own.place import Guides, OwnPlaced, assess_own, place_own
from sgcn_core.pose.finder import HeadFinder
from sgcn_core.pose.network import shipped_pose_network
from sgcn_core.pose.probe import probe_surface
from sgcn_core.pose.refine import refine_pose
from sgcn_core.pose.search import Located, locate_head, located_by_hand
from sgcn_core.reduction import Reduced
from sgcn_core.refinement.guidance import guided_positions
from sgcn_core.refinement.landmark_estimation import refine
from sgcn_core.refinement.modes import RefinementMode, refinement_mode
from sgcn_core.refinement.shape_model import LandmarkShape
from sgcn_core.settings import DetectionSettings
from sgcn_core.stages import CropOfHead, FloatArray, Heatmaps, Placed, PosedScan
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import in_mm
from sgcn_core.uncertainty.absence import END_EXTENT, may_be_absent
from sgcn_core.uncertainty.assess import (
    Assessment,
    calibrated,
    contradicted,
    cut_off,
    limited_at_cuts,
    no_surer_than,
    refuse_without_face,
    refuse_without_pose,
    uncalibrated,
)
from sgcn_core.uncertainty.boundary import OpenEdges, near_boundary, open_edges
from sgcn_core.uncertainty.confidence import heatmap_confidence
from sgcn_core.uncertainty.consistency import contradictions
from sgcn_core.uncertainty.error_model import ErrorModel
from sgcn_core.uncertainty.expectation import Expectation, expected_places
from sgcn_core.uncertainty.features import landmark_features
from sgcn_core.uncertainty.thresholds import MISSING
from sgcn_core.weights.checkpoint import Checkpoint

# Landmarks this close to the end of the scan are uncertain (mm).
_BOUNDARY_REACH = 3.0
# Decimated scans with vertices further apart (mm) are refined around the head, and a little beyond the crop (mm).
_FINE, _FINER_BEYOND = 1.1, 30.0
# How much of the original surface stage 2 sees around each landmark, in distances of the decimated vertices.
_AROUND_LANDMARKS = 3.0


class Pipeline:
    """The steps, with the weights and the method that they go by.

    Parameters
    ----------
    checkpoint : Checkpoint
    method : Method
    device : torch.device of the checkpoint's network
    finder : HeadFinder, optional; by default the shipped one
    """

    def __init__(
        self, checkpoint: Checkpoint, method: Method, device: torch.device, *, finder: HeadFinder | None = None
    ) -> None:
        self.checkpoint, self.method, self.device = checkpoint, method, device
        self.finder = finder or HeadFinder(shipped_pose_network(), device)
        self.to_crop = from_crop(checkpoint.crop_centre, checkpoint.crop_radius)

    def locate(self, clean: Cleaned, settings: DetectionSettings) -> Located:
        """The unit, and candidate poses of the head: from the initial landmarks, else from the search."""
        surface, shown = clean.surface, settings.initial_landmarks
        probe = probe_surface(surface.vertices, surface.faces, seed=settings.seed)
        if isinstance(shown, Mapping):
            places = self.to_crop.inverse().apply(self.checkpoint.prototype)
            typical = dict(zip(self.checkpoint.labels, places, strict=True))
            return located_by_hand(shown, typical, probe, stated=settings.stated_unit, in_file=surface.unit)
        return locate_head(
            self.finder,
            probe,
            across=float(surface.extent.max()),
            stated=settings.stated_unit or (surface.unit if surface.origin == "volume" else None),  # a volume is in mm
            in_file=surface.unit,
            frame=surface.frame if surface.anatomical else None,
            other_sizes=surface.origin != "volume",
        )

    def pose(self, clean: Cleaned, located: Located, *, seed: int) -> PosedScan:
        """The scan in millimetres, in the pose in which the network sees a face best, aligned by its landmarks."""
        refuse_without_pose(located.hypotheses[0].confidence, self.checkpoint.thresholds)
        factor = in_mm(located.unit)
        scan = PosedScan(clean.surface.vertices * factor, clean.surface.faces, seed, factor)
        crop = CropOfHead(scan, self.to_crop.inverse().apply(self.checkpoint.prototype), self._crop_reach)

        def align(to_head: Similarity) -> tuple[float, Similarity]:
            rough = self.graph(crop.posed(to_head), self.method.coarse_nodes)
            placed = self.place(self.heatmaps(rough), self.method.but(refine="mean"))
            seen, known = placed.seen, self.checkpoint
            if np.count_nonzero(seen.seen) < known.thresholds.least_landmarks:
                raise FaceNotFoundError("too few landmarks are seen")
            weights = np.where(seen.seen, seen.confidence, 0.0) + 1e-6
            change = align_to_prototype(placed.refined.positions, weights, known.prototype, known.deviation)
            pose = self.to_crop.inverse() @ (change @ rough.standardised) @ self.to_crop @ to_head
            return float(seen.confidence.mean()), pose

        return crop.posed(refine_pose(align, located.hypotheses))

    def finer(self, scan: Reduced, clean: Cleaned, posed: PosedScan) -> tuple[Reduced, Cleaned]:
        """The part around the head at a finer resolution, where the decimated scan is too coarse for a face."""
        if scan.spacing * posed.factor / posed.size <= _FINE:
            return scan, clean
        head = Region.around(self.to_crop.inverse().apply(self.checkpoint.prototype), self._crop_reach + _FINER_BEYOND)
        return scan.around(head.contains(posed.input_to_head.apply(clean.surface.vertices)), clean)

    def graph(self, posed: PosedScan, nodes: int | None = None) -> FaceGraph:
        """The canonical crop of the posed scan, its nodes, and the fine and the coarse graph (Eq. 4-5)."""
        checkpoint = self.checkpoint
        graph = build_face_graph(
            posed.vertices,
            posed.faces,
            self.to_crop @ posed.to_head,
            checkpoint.prototype,
            margin=checkpoint.crop_margin / checkpoint.crop_radius,
            count=nodes or self.method.nodes,
            neighbours=checkpoint.neighbours,
            seed=posed.seed,
        )
        return graph.moved(standardise_paper(graph.nodes)) if self.method.standardise == "paper" else graph

    def heatmaps(self, graph: FaceGraph, *, factor: float = 1.0) -> Heatmaps:
        """Stage 1 (Eq. 1-3): a heatmap of each landmark on the nodes. ``factor``: millimetres of the input's unit."""
        known = self.checkpoint
        if known.own is None:
            predicted = known.network.predict(*self._arrays(graph))
            return Heatmaps(known.labels, predicted.cpu().numpy(), graph, factor)
        blocks = known.own.head.config.blocks
        predicted, embedding = known.network.predict_and_embed(*self._arrays(graph), blocks=blocks)
        return Heatmaps(known.labels, predicted.cpu().numpy(), graph, factor, embedding.cpu().numpy())

    def place(self, heatmaps: Heatmaps, method: Method | None = None) -> Placed:
        """Stage 2 (Eq. 6-8): each landmark on the original surface, and how well it is seen."""
        method, graph, known = method or self.method, heatmaps.graph, self.checkpoint
        mode, index = refinement_mode(method.refine), SurfaceIndex(graph.vertices, graph.faces)
        refined = refine(
            heatmaps.values,
            graph.nodes,
            graph.vertices,
            graph.faces,
            mode=mode,
            sigma=known.sigma,
            t=method.t,
            gamma=method.gamma,
            index=index,
        )
        seen = heatmap_confidence(refined, known.prototype, known.deviation, known.thresholds)
        found = refined.positions
        if mode.guided and known.calibration is not None:
            guided = guided_positions(refined, known.calibration.shape, known.deviation)
            found = closest_on_surface(guided, index)
        return Placed(heatmaps, refined, seen, self._with_offsets(found, mode, graph, index), found)

    def _with_offsets(
        self, found: FloatArray, mode: RefinementMode, graph: FaceGraph, index: SurfaceIndex
    ) -> FloatArray:
        """Landmarks (L, 3) by the definitions that adapted weights have learnt; the mode says where one may lie."""
        offsets = self.checkpoint.offsets
        if offsets is None or not mode.robust:  # the paper's own refinement stays as published
            return found
        moved = found + offsets.values / self._unit_of(graph)
        if mode.candidates != "none":
            places = closest_places(moved, index)
            moved = places.points if mode.candidates == "triangles" else places.nearest_corners(index)
        return np.where(offsets.learnt[:, None], moved, found)

    def place_on_original(self, placed: Placed, scan: Reduced, clean: Cleaned) -> Placed:
        """Stage 2 again, on the original surface around each landmark, where it was done on a decimated one."""
        if scan.decimated is None:
            return placed
        graph, heatmaps = placed.heatmaps.graph, placed.heatmaps
        to_normalised = graph.to_normalised @ scaling(heatmaps.factor)
        seen = np.concatenate([placed.refined.positions, placed.before_offsets, placed.positions])
        about = to_normalised.inverse().apply(seen)
        vertices, faces = scan.near(about, _AROUND_LANDMARKS * scan.spacing, clean)
        if not len(faces):
            return placed
        around = replace(graph, vertices=to_normalised.apply(vertices), faces=faces)
        final = self.place(replace(heatmaps, graph=around))
        return replace(final, heatmaps=heatmaps)

    def assess(self, placed: Placed, surface: Surface, *, size: float, pose_confidence: float) -> Assessment:
        """Confidence, status and errors of each landmark; FaceNotFoundError where too few are seen for a face.

        Parameters
        ----------
        surface : Surface with the planes on which its field of view cuts the head
        size : millimetres of the person for one of the head frame
        pose_confidence : how clearly the head was found
        """
        thresholds, planes, factor = self.checkpoint.thresholds, surface.cut_planes, placed.heatmaps.factor
        positions = placed.in_input
        beyond = cut_off(positions, planes, factor=factor)
        refuse_without_face(placed.seen, thresholds, pose_confidence=pose_confidence, cut=beyond)
        unit, edges = self._unit(placed), self._open_edges(placed)
        boundary = edges.points(least_extent=END_EXTENT / unit)
        at_boundary = near_boundary(placed.refined.positions, boundary, reach=_BOUNDARY_REACH / unit)
        offsets = self.checkpoint.offsets
        if offsets is not None:
            at_boundary |= offsets.learnt & near_boundary(placed.positions, boundary, reach=_BOUNDARY_REACH / unit)
        if (model := self.error_model) is None:
            assessment = uncalibrated(placed.seen, at_boundary, thresholds)
        else:
            expected = self.expected(placed)
            features = self.features(placed, boundary, expected)
            possible = may_be_absent(expected, placed.heatmaps.graph.nodes, edges, unit=unit)
            assessment = calibrated(model, features, at_boundary, possible, thresholds, size=size)
            told = np.array(assessment.status) != MISSING
            known = self.checkpoint
            found = placed.before_offsets
            off = contradictions(known.labels, found, told, known.prototype, expected, unit=unit)
            assessment = contradicted(assessment, size * off, thresholds)
            if offsets is not None:
                limits = model.limits(thresholds.uncertain_bound)
                assessment = no_surer_than(assessment, size * offsets.deviation, limits, thresholds)
        return limited_at_cuts(assessment, positions, planes, thresholds, factor=factor)

    def guides(self, placed: Placed, assessment: Assessment) -> Guides:
        """The network's landmarks, as those of a user's own are placed by them."""
        seen = np.array([status != MISSING for status in assessment.status])
        return Guides(placed.positions, seen, self.checkpoint.prototype)

    def embedding(self, graph: FaceGraph, blocks: Sequence[int]) -> torch.Tensor:
        """What these blocks of the network make of each node, (N, E)."""
        return self.checkpoint.network.predict_and_embed(*self._arrays(graph), blocks=blocks)[1]

    def _arrays(self, graph: FaceGraph) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What the network reads: features (N, 6), neighbours (N, k) and members (N,)."""
        features = np.concatenate([graph.nodes, graph.normals], axis=1).astype(np.float32)
        nodes, neighbours, members = (
            torch.tensor(array, device=self.device) for array in (features, graph.neighbours, graph.members)
        )
        return nodes, neighbours, members

    def place_own(self, placed: Placed, assessment: Assessment) -> OwnPlaced:
        """A user's own landmarks on the surface; the weights must hold some."""
        own, heatmaps = self.checkpoint.own, placed.heatmaps
        if own is None or heatmaps.embedding is None:
            raise ValueError("the weights hold no landmarks of a user's own; train some")
        method, sigma = self.method, self.checkpoint.sigma
        embedding = torch.from_numpy(heatmaps.embedding)
        guides = self.guides(placed, assessment)
        return place_own(own, heatmaps.graph, embedding, guides, sigma=sigma, t=method.t, gamma=method.gamma)

    def own_in_input(self, placed: Placed, own_placed: OwnPlaced, scan: Reduced, clean: Cleaned) -> FloatArray:
        """A user's own landmarks (L, 3) in the frame and unit of the input, on the original of a decimated surface."""
        positions = placed.to_input(own_placed.positions)
        if scan.decimated is None:
            return positions
        vertices, faces = scan.near(positions, _AROUND_LANDMARKS * scan.spacing, clean)
        return closest_on_surface(positions, SurfaceIndex(vertices, faces)) if len(faces) else positions

    def assess_own(self, placed: Placed, own_placed: OwnPlaced, surface: Surface, *, size: float) -> Assessment:
        """Status and errors of a user's own landmarks; parameters as of :meth:`assess`."""
        own, thresholds = self.checkpoint.own, self.checkpoint.thresholds
        if own is None:
            raise ValueError("the weights hold no landmarks of a user's own; train some")
        unit, edges = self._unit(placed), self._open_edges(placed)
        assessment = assess_own(own, own_placed, edges, thresholds, unit=unit, size=size)
        positions = placed.to_input(own_placed.positions)
        return limited_at_cuts(assessment, positions, surface.cut_planes, thresholds, factor=placed.heatmaps.factor)

    @property
    def error_model(self) -> ErrorModel | None:
        """Error model of the refinement mode; None if none was fitted for it."""
        calibration = self.checkpoint.calibration
        if calibration is None or self.method.standardise != self.checkpoint.method.standardise:
            return None
        return calibration.models.get(self.method.refine)

    def boundary(self, placed: Placed) -> FloatArray:
        """Points (B, 3) on the end of the scan, normalised."""
        return self._open_edges(placed).points(least_extent=END_EXTENT / self._unit(placed))

    def features(self, placed: Placed, boundary: FloatArray, expected: Expectation) -> FloatArray:
        """Features (L, F) of the landmarks of one scan; the weights must be calibrated."""
        heatmaps = placed.heatmaps
        return landmark_features(
            placed.refined,
            heatmaps.values,
            heatmaps.graph.nodes,
            boundary,
            expected,
            self._shape.mean,
            sigma=self.checkpoint.sigma,
            unit=self._unit(placed),
        )

    def _open_edges(self, placed: Placed) -> OpenEdges:
        """Open edges of the scan, normalised."""
        return open_edges(placed.heatmaps.graph.vertices, placed.heatmaps.graph.faces)

    def expected(self, placed: Placed) -> Expectation:
        """Where the other landmarks expect each one, normalised; the weights must be calibrated."""
        return expected_places(placed.refined, self._shape, self.checkpoint.deviation)

    @property
    def _shape(self) -> LandmarkShape:
        if self.checkpoint.calibration is None:
            raise ValueError("the weights hold no shape statistics; calibrate them")
        return self.checkpoint.calibration.shape

    @property
    def _crop_reach(self) -> float:
        """How far from the prototype the surface is looked at, millimetres of the head frame."""
        return self.checkpoint.crop_margin + BEYOND * self.checkpoint.crop_radius

    def _unit(self, placed: Placed) -> float:
        return self._unit_of(placed.heatmaps.graph)

    def _unit_of(self, graph: FaceGraph) -> float:
        """Millimetres of the head frame for one normalised unit."""
        return self.checkpoint.crop_radius / graph.standardised.scale
