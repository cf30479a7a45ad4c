"""Generated faces: deterministic, labelled exactly, complete graphs; on a made-up model and on ICT-FaceKit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("torch_geometric", reason="the training extra carries samples in torch-geometric's Data")

from scipy.spatial import cKDTree
from tiny_face_model import ellipsoid, tiny_face_model

from research.synthesis.alignment import axis_angle_rotations, procrustes
from research.synthesis.contact_sheet import contact_sheet
from research.synthesis.crop_distance import CropDistance
from research.synthesis.effect_mask import EffectMask
from research.synthesis.face_model import FaceModel
from research.synthesis.generator import FaceGenerator, GeneratorOptions
from research.synthesis.graph_batch import nearest_neighbours
from research.synthesis.occlusion import seen_from
from research.synthesis.options import ITEMS
from research.synthesis.random_tensors import Draw
from research.synthesis.sample_pool import progressive_samples
from research.synthesis.scan_effects import ScanOptions
from research.synthesis.scanner import Scanner
from research.synthesis.shapes import ShapeOptions, draw_expressions
from research.synthesis.surface_points import Density
from sgcn_core.graph.crop import CROP_CENTRE, CROP_MARGIN, CROP_RADIUS

NODES = 300


@pytest.fixture(scope="module")
def generator() -> FaceGenerator:
    return FaceGenerator(tiny_face_model(), nodes=NODES, pools=2, pool_size=2000)


def test_same_step_gives_the_same_faces_and_another_step_or_stream_does_not(generator: FaceGenerator) -> None:
    first, again = generator.batch(3, 2), generator.batch(3, 2)
    assert torch.equal(first.x, again.x) and torch.equal(first.neighbours, again.neighbours)
    assert not torch.equal(first.x, generator.batch(4, 2).x)
    assert not torch.equal(first.x, generator.batch(3, 2, stream=1).x)


def test_batch_is_a_complete_graph_of_every_face(generator: FaceGenerator) -> None:
    batch = generator.batch(0, 3)
    assert batch.num_graphs == 3
    assert batch.x.shape == (3 * NODES, 6)
    assert batch.neighbours.min() >= 0 and batch.neighbours.max() < NODES  # ids stay those of the graph
    torch.testing.assert_close(batch.x[:, 3:].norm(dim=1), torch.ones(3 * NODES))
    assert batch.x[:, :3].abs().max() <= 1.1
    centre = torch.tensor(CROP_CENTRE)
    prototype = (generator.prototype - centre) / CROP_RADIUS
    for graph in range(3):
        nodes = batch.x[graph * NODES : (graph + 1) * NODES, :3]
        expected = torch.zeros(NODES, dtype=torch.bool)
        expected[torch.cdist(prototype, nodes).argmin(1)] = True
        assert torch.equal(batch.members[graph * NODES : (graph + 1) * NODES], expected)


def test_clean_faces_have_every_landmark_on_the_surface(generator: FaceGenerator) -> None:
    faces = generator.with_options(GeneratorOptions.clean()).faces_at(0, 4)
    assert not faces.landmarks.isnan().any()
    spacing = float(torch.cdist(faces.points[0], faces.points[0]).topk(2, largest=False).values[:, 1].mean())
    for points, landmarks in zip(faces.points, faces.landmarks, strict=True):
        assert float(torch.cdist(landmarks, points).min(1).values.max()) < 2 * spacing


def test_landmark_in_a_cut_away_part_is_absent(generator: FaceGenerator) -> None:
    none = {field.name: 0.0 for field in dataclasses.fields(ScanOptions)}
    cut = GeneratorOptions(anatomy=None, effects=None, scan=ScanOptions(**{**none, "no_flanks": 1.0}))
    faces = generator.with_options(cut).faces_at(1, 16)
    absent = faces.landmarks.isnan().any(2)
    full = generator.with_options(dataclasses.replace(cut, scan=None)).faces_at(1, 16)
    edge = faces.points[..., 0].abs().amax(1, keepdim=True)
    beyond = full.landmarks[..., 0].abs() > edge + 12.0
    assert beyond.any() and absent[beyond].all()
    assert not absent[full.landmarks[..., 0].abs() < edge - 12.0].any()


def test_residual_pose_stays_near_the_prototype(generator: FaceGenerator) -> None:
    faces = generator.with_options(GeneratorOptions.clean()).faces_at(2, 32)
    scale, rotation, _ = procrustes(faces.landmarks, generator.prototype)
    angle = torch.acos(((rotation.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1, 1)).rad2deg()
    assert 1.0 < float(angle.median()) < 10.0
    assert float((scale - 1).abs().median()) < 0.1


def test_expressions_obey_the_corrective_rule() -> None:
    names = ("jawOpen", "mouthClose", "jawLeft", "jawRight", "mouthLeft", "mouthRight", "eyeBlink_L", "eyeBlink_R")
    draw = Draw(torch.Generator().manual_seed(0))
    weights = dict(zip(names, draw_expressions(names, ShapeOptions(expressive=1.0), draw, 4000).T, strict=True))
    assert (weights["mouthClose"] <= 0.85 * weights["jawOpen"] + 1e-6).all()
    assert weights["mouthClose"].max() > 0.1
    assert not ((weights["jawLeft"] > 0) & (weights["jawRight"] > 0)).any()
    assert all(weight.min() >= 0 and weight.max() <= 1 for weight in weights.values())


def test_every_prefix_of_the_progressive_samples_is_spread_out() -> None:
    vertices, faces = ellipsoid()
    triangles, barycentric = progressive_samples(vertices, faces, 3000, seed=0)
    points = np.einsum("nk,nkd->nd", barycentric, vertices[faces[triangles]])
    rng = np.random.default_rng(0)
    for count in (200, 1000, 3000):
        spacing = cKDTree(points[:count]).query(points[:count], 2)[0][:, 1]
        random = points[rng.choice(3000, count, replace=False)] if count < 3000 else None
        assert spacing.min() > 0.45 * spacing.mean()
        if random is not None:
            assert spacing.mean() > 1.2 * cKDTree(random).query(random, 2)[0][:, 1].mean()


def test_procrustes_recovers_a_similarity_and_never_mirrors() -> None:
    torch.manual_seed(0)
    target = torch.randn(20, 3)
    rotation = axis_angle_rotations(torch.tensor([[0.3, -1.2, 2.0]]))
    source = ((target - torch.tensor([1.0, 2.0, 3.0])) / 1.7) @ rotation[0]
    scale, found, _ = procrustes(source[None], target)
    torch.testing.assert_close(found, rotation, atol=1e-4, rtol=0)
    torch.testing.assert_close(scale, torch.tensor([1.7]), atol=1e-4, rtol=0)
    _, mirrored, _ = procrustes((source * torch.tensor([-1.0, 1.0, 1.0]))[None], target)
    assert float(torch.linalg.det(mirrored)) == pytest.approx(1.0, abs=1e-4)


def test_nearest_neighbours_include_the_node_itself() -> None:
    points = torch.randn(2, 100, 3)
    found = nearest_neighbours(points, 8)
    assert torch.equal(found[:, :, 0], torch.arange(100).expand(2, -1))
    exact = torch.cdist(points, points).topk(8, largest=False).indices
    assert torch.equal(found.sort(2).values, exact.sort(2).values)


def test_ict_faces_have_all_labels_within_the_crop(shared_data: Path) -> None:
    clinical = shared_data.parent / "design" / "ict_clinical_vertices.json"
    model = FaceModel.load(shared_data / "ict" / "ict_facekit.npz", clinical)
    assert len(model.labels) == 130 and model.labels[0] == "ibug0" and "prn" in model.labels
    generator = FaceGenerator(model, nodes=1000, pools=1, pool_size=3000)
    faces = generator.with_options(GeneratorOptions.clean()).faces_at(0, 4)
    reach = torch.cdist(faces.points, generator.prototype.expand(4, -1, -1)).min(2).values
    assert float(reach.max()) <= CROP_MARGIN + 0.5  # a grid tells the distance
    nose = faces.landmarks[:, model.labels.index("prn")]
    assert (nose[:, 2] > faces.landmarks[:, :, 2].nanmean(1) + 30).all()  # the nose points out of the face
    left = faces.landmarks[:, model.labels.index("ex_l"), 0]
    assert (left > faces.landmarks[:, model.labels.index("ex_r"), 0] + 60).all()  # +x is the subject's left


def test_samples_without_a_face_have_no_landmarks(generator: FaceGenerator) -> None:
    none = {field.name: 0.0 for field in dataclasses.fields(ScanOptions)}
    spoiled = GeneratorOptions(anatomy=None, effects=None, scan=ScanOptions(**{**none, "no_face": 1.0}))
    faces = generator.with_options(spoiled).faces_at(0, 8)
    assert faces.landmarks.isnan().all()
    torch.testing.assert_close(faces.normals.norm(dim=2), torch.ones(8, NODES))
    kept = generator.with_options(GeneratorOptions(effects=None, scan=ScanOptions(**none))).faces_at(0, 8)
    assert not kept.landmarks.isnan().any()


@pytest.mark.parametrize("item", ITEMS)
def test_every_corruption_alone_gives_whole_graphs(generator: FaceGenerator, item: str) -> None:
    source = generator.with_options(GeneratorOptions.only(item))
    faces = source.faces_at(0, 3)
    assert faces.points.shape == (3, NODES, 3) and faces.points.isfinite().all()
    torch.testing.assert_close(faces.normals.norm(dim=2), torch.ones(3, NODES))
    assert torch.equal(faces.points, source.faces_at(0, 3).points)


def test_a_corruption_without_share_changes_nothing_but_the_draws(generator: FaceGenerator) -> None:
    for item in ("beard", "strap", "warp", "staircase", "facets", "doubled"):
        off = generator.with_options(GeneratorOptions.only(item, share=0.0)).faces_at(0, 4)
        on = generator.with_options(GeneratorOptions.only(item)).faces_at(0, 4)
        assert not torch.equal(on.points, off.points), item
        if item in ("beard", "staircase", "facets", "doubled"):  # these leave the landmarks where they are on the skin
            torch.testing.assert_close(on.landmarks, off.landmarks, equal_nan=True)
    with pytest.raises(ValueError, match="unknown corruption 'bread'"):
        GeneratorOptions.only("bread")


def test_warp_moves_the_landmarks_with_the_surface(generator: FaceGenerator) -> None:
    off = generator.with_options(GeneratorOptions.only("warp", share=0.0)).faces_at(0, 8)
    on = generator.with_options(GeneratorOptions.only("warp")).faces_at(0, 8)
    moved = (on.landmarks - off.landmarks).norm(dim=2)
    assert 0.1 < float(moved.mean()) < 2.0
    nearest = torch.cdist(off.landmarks, off.points).argmin(2)[..., None].expand(-1, -1, 3)
    along = torch.gather(on.points - off.points, 1, nearest)
    assert float((on.landmarks - off.landmarks - along).norm(dim=2).mean()) < 0.4 * float(moved.mean())


def test_a_camera_sees_neither_what_turns_away_nor_what_is_hidden() -> None:
    grid = torch.stack(torch.meshgrid(torch.arange(-40.0, 41.0, 2.0), torch.arange(-40.0, 41.0, 2.0), indexing="ij"), 2)
    wall = torch.cat([grid.flatten(0, 1), torch.zeros(len(grid) ** 2, 1)], 1)
    plate = wall[(wall.abs() <= 15.0).all(1)] + torch.tensor([0.0, 0.0, 20.0])
    points = torch.cat([wall, plate])[None]
    normals = torch.tensor([0.0, 0.0, 1.0]).expand_as(points)
    ahead, aside = torch.tensor([[[0.0, 0.0, 1.0]]]), torch.tensor([[[0.6, 0.0, 0.8]]])
    grazing = torch.full((1, 1, 1), 0.1)
    seen = seen_from(points, normals, ahead, grazing=grazing, pixel=3.0)[0]
    behind = (wall[:, :2].abs() <= 12.0).all(1)
    beside = (wall[:, :2].abs() >= 19.0).any(1)
    assert not seen[: len(wall)][behind].any()
    assert seen[: len(wall)][beside].all() and seen[len(wall) :].all()
    both = seen_from(points, normals, torch.cat([ahead, aside], 1), grazing=grazing, pixel=3.0)[0]
    assert both.sum() > seen.sum()  # the second camera looks behind the plate
    assert not seen_from(points, -normals, ahead, grazing=grazing, pixel=3.0).any()


def test_crop_distance_is_that_to_the_nearest_landmark() -> None:
    torch.manual_seed(0)
    landmarks = torch.randn(20, 3) * 40
    points = torch.randn(2, 500, 3) * 45
    exact = torch.cdist(points, landmarks.expand(2, -1, -1)).min(2).values
    found = CropDistance(landmarks)(points)
    near = exact < CROP_MARGIN + 5
    assert float((found - exact)[near].abs().max()) < 1.0
    assert float((found - exact)[near & (exact > 10)].abs().mean()) < 0.15
    assert (found[exact > CROP_MARGIN + 20] > CROP_MARGIN).all()


def test_long_hair_hides_the_skin_below_it_and_is_as_dense_as_the_skin(generator: FaceGenerator) -> None:
    none = {field.name: 0.0 for field in dataclasses.fields(ScanOptions)}
    scanner = Scanner(generator.model, ScanOptions(**{**none, "long_hair": 1.0}))
    draw = Draw(torch.Generator().manual_seed(0))
    masks, density = EffectMask(draw, 4), Density(2000, generator.pools.area)
    vertices = generator.model.neutral.expand(4, -1, -1)
    skin = generator._skin_samples(vertices, density, masks)
    scene, _ = scanner.scan(skin, vertices, vertices[:, generator.model.landmarks], density, masks)
    own = skin.points.shape[1]
    assert scene.rank[:, :own].isinf().any() and scene.rank[:, own:].isfinite().any(1).all()
    bushiest = int(scene.rank[:, own:].isfinite().sum(1).argmax())
    hair = scene.points[bushiest, own:][scene.rank[bushiest, own:].isfinite()]
    spacing = torch.cdist(hair, hair).fill_diagonal_(torch.inf).min(1).values.median()
    assert 0.3 * density.spacing < float(spacing) < 1.5 * density.spacing


def test_quiet_faces_have_no_rare_effects() -> None:
    draw = Draw(torch.Generator().manual_seed(0))
    masks = EffectMask(draw, 1000, quiet=0.5)
    rare, common = masks.sample(0.8), masks.sample(0.8, always=True)
    assert not rare[~masks.busy].any() and rare[masks.busy].any() and common[~masks.busy].any()
    assert 0.4 < float(masks.busy.float().mean()) < 0.6


def test_second_population_shares_the_prototype(generator: FaceGenerator) -> None:
    given = generator.prototype + 1.0
    other = FaceGenerator(tiny_face_model(), nodes=NODES, pools=1, pool_size=2000, prototype=given)
    assert torch.equal(other.prototype, given)
    clean = other.with_options(GeneratorOptions.clean()).faces_at(0, 16)
    torch.testing.assert_close(clean.landmarks.mean((0, 1)), given.mean(0), atol=3.0, rtol=0)


def test_contact_sheet_shows_every_sample(generator: FaceGenerator) -> None:
    sheet = contact_sheet(generator.with_options(GeneratorOptions.clean()), count=5, columns=3, side=60)
    pixels = sheet.pixels
    assert pixels.shape == (120, 360, 3)
    panels = [pixels[row * 60 : row * 60 + 60, column * 60 : column * 60 + 60] for row in (0, 1) for column in range(6)]
    assert all(len(np.unique(panel.reshape(-1, 3), axis=0)) > 20 for panel in panels[:10])
    assert all((panel == 255).all() for panel in panels[10:])
