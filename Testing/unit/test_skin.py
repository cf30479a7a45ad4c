"""The skin of generated volumes, whose truth is known, and of the shared ones."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner
from voxel_head import MR_LIKE, NOSTRIL, VoxelHead, skin_distance

from sgcn_core.cleaning.components import components
from sgcn_core.errors import FileFormatError, VolumeError
from sgcn_core.geometry.triangles import triangle_normals
from sgcn_core.io.meshes import read_surface
from sgcn_core.io.volumes import read_volume
from sgcn_core.skin.extract import Skin, extract_skin, read_scan, skin_surface
from sgcn_core.skin.threshold import classify_tissue
from sgcn_core.types.volume import Volume

OBLIQUE = Rotation.from_euler("xyz", [12, -8, 20], degrees=True).as_matrix()
WHOLE = {"low": (-120.0, -130.0, -120.0), "high": (120.0, 135.0, 130.0)}


def errors_of(skin: Skin) -> np.ndarray:
    """Distance of every vertex to the true skin, mm; the nostril's surroundings and the seam at the neck left out."""
    vertices = skin.surface.vertices
    towards = NOSTRIL / np.linalg.norm(NOSTRIL)
    along = vertices @ towards
    beside = np.linalg.norm(vertices - along[:, None] * towards, axis=1)
    inner = np.linalg.norm(vertices / [72, 92, 105], axis=1)
    seam = (inner > 0.9) & (np.abs(np.hypot(vertices[:, 0], vertices[:, 1] - 10) - 52) < 8) & (vertices[:, 2] < -30)
    compared = ~((beside < 9) & (along > 0)) & ~seam
    assert compared.mean() > 0.8
    return np.abs(skin_distance(vertices[compared]))


def is_outer_skin(skin: Skin) -> None:
    """One piece, no vertex deep in the head, normals outwards; from a volume, which makes its unit certain."""
    surface = skin.surface
    assert (surface.origin, surface.unit) == ("volume", "mm")
    assert len(np.unique(components(surface))) == 1
    assert skin_distance(surface.vertices).min() > -11.0  # the stump of the nostril
    middle = surface.vertices[surface.faces].mean(axis=1)
    normals = triangle_normals(surface.vertices, surface.faces)
    probe = skin_distance(middle + normals) - skin_distance(middle - normals)
    assert np.mean(probe > 0) > 0.97


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("ct", VoxelHead(noise=25.0, table=True, tube=True), "ct"),
        ("mr", VoxelHead(tissue=MR_LIKE, noise=12.0, bias=0.4), "mr"),
        ("mr_oblique", VoxelHead(tissue=MR_LIKE, noise=12.0, direction=OBLIQUE, **WHOLE), "mr"),
        ("ct_uneven", VoxelHead(spacing=(1.5, 1.5, 3.0), noise=15.0, direction=OBLIQUE, table=True, **WHOLE), "ct"),
        ("ct_mirrored_axes", VoxelHead(direction=np.diag([-1.0, 1.0, 1.0])), "ct"),
    ],
)
def test_skin_lies_where_it_is(name, head, kind):
    skin = extract_skin(head.volume())
    assert skin.kind == kind
    assert (skin.surface.unit, skin.surface.frame) == ("mm", "LPS")
    error, voxel = errors_of(skin), max(head.spacing)
    assert np.median(error) < 0.3 * voxel
    assert np.percentile(error, 98) < 0.6 * voxel
    assert error.max() < 1.5 * voxel
    is_outer_skin(skin)


def test_labels_are_head_where_they_are_not_zero():
    head = VoxelHead()
    grey = head.volume()
    labels = np.where(grey.array > 300, 3, np.where(grey.array > -480, 7, 0)).astype(np.uint8)
    skin = extract_skin(Volume(labels, grey.spacing, grey.origin, grey.direction))
    assert (skin.kind, skin.threshold) == ("labels", 0.5)
    assert np.median(errors_of(skin)) < 0.5
    is_outer_skin(skin)


def test_a_head_rest_that_touches_the_head_is_removed():
    volume = VoxelHead(noise=20.0).volume()
    k, j, i = np.indices(volume.array.shape)
    points = volume.physical(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    radius = np.hypot(points[:, 0], points[:, 1] - 10)
    cradle = (radius > 82) & (radius < 87) & (points[:, 1] > 40) & (np.abs(points[:, 2]) < 100)
    plate = (points[:, 1] > 97) & (points[:, 1] < 103)
    array = volume.array.copy()
    array.reshape(-1)[(cradle | plate) & (skin_distance(points) > 0)] = 150
    skin = extract_skin(Volume(array, volume.spacing, volume.origin, volume.direction))
    away = skin_distance(skin.surface.vertices)
    assert away.max() < 20  # what lies between head and plate stays; the plate reaches 50 mm from the head
    assert np.percentile(away, 95) < 1.0
    assert away[skin.surface.vertices[:, 1] < 0].max() < 2.0


def test_neck_is_open_where_the_image_ends():
    head = VoxelHead(noise=20.0)
    skin = extract_skin(head.volume())
    assert [cut.side for cut in skin.surface.cut_planes] == ["bottom"]
    assert skin.surface.cut_planes[0].area == pytest.approx(np.pi * 52**2, rel=0.25)
    assert skin.surface.cut_planes[0].normal == pytest.approx((0, 0, -1))
    assert skin.surface.cut_planes[0].point[2] == pytest.approx(-118.5, abs=0.1)
    low = skin.surface.vertices[:, 2] < -117
    assert np.hypot(*(skin.surface.vertices[low, :2] - [0, 10]).T).min() > 48  # a ring, no disc


@pytest.mark.parametrize("padding", [0, 7], ids=["at the image's side", "inside padding"])
def test_a_cut_face_bears_no_triangles(padding):
    """Nose and forehead cut off by the field of view, also where the image goes on with zeros."""
    full = VoxelHead(tissue=MR_LIKE, noise=8.0, low=(-110.0, -80.0, -120.0)).volume()
    array = np.pad(full.array, [(0, 0), (padding, 0), (0, 0)])
    origin = full.origin - np.array([0, padding * full.spacing[1], 0])
    skin = extract_skin(Volume(array, full.spacing, origin, full.direction))
    assert {cut.side for cut in skin.surface.cut_planes} == {"front", "bottom"}
    front = next(cut for cut in skin.surface.cut_planes if cut.side == "front")
    assert front.point[1] == pytest.approx(-78.5, abs=3.1)
    inside = skin_distance(skin.surface.vertices)
    near = skin.surface.vertices[:, 1] < -74
    assert near.any()
    assert inside[near].min() > -4.0
    assert skin.surface.vertices[:, 1].min() >= -81.1


def test_a_head_in_air_is_not_cut():
    volume = VoxelHead(low=(-110.0, -115.0, -140.0)).volume()
    points = volume.physical(np.argwhere(np.ones(volume.array.shape, dtype=bool))[:, ::-1])
    array = volume.array.copy()
    array.reshape(-1)[np.linalg.norm(points / [72, 92, 105], axis=1) > 1.1] = -1000  # without the neck's end
    skin = extract_skin(Volume(array, volume.spacing, volume.origin, volume.direction))
    assert "top" not in {cut.side for cut in skin.surface.cut_planes}
    assert "front" not in {cut.side for cut in skin.surface.cut_planes}


def test_fine_voxels_are_averaged_and_stay_in_place():
    head = VoxelHead(low=(-80.0, -60.0, 40.0), high=(80.0, 60.0, 112.0), spacing=(1.0, 1.0, 0.9))
    fine, coarse = extract_skin(head.volume(), resolution=0), extract_skin(head.volume(), resolution=2.0)
    assert len(coarse.surface.faces) < 0.4 * len(fine.surface.faces)
    for skin in (fine, coarse):
        assert np.median(np.abs(skin_distance(skin.surface.vertices))) < 0.45


def test_kinds_and_thresholds():
    ct = VoxelHead(noise=10.0).volume()
    assert classify_tissue(ct).threshold == -300
    unsigned = Volume((np.clip(ct.array, -1000, None) + 1000).astype(np.uint16), ct.spacing, ct.origin, ct.direction)
    assert classify_tissue(unsigned).kind == "ct"
    assert classify_tissue(unsigned).threshold == pytest.approx(700, abs=40)
    mr = VoxelHead(tissue=MR_LIKE, noise=12.0).volume()
    assert classify_tissue(mr).kind == "mr"
    assert 40 < classify_tissue(mr).threshold < 280
    assert classify_tissue(mr, threshold=123.0).threshold == 123.0


def test_round_field_of_view_is_open():
    """CT scanners pad beyond their round field of view; where it cuts the head there is no skin."""
    volume = VoxelHead(noise=10.0).volume()
    k, j, i = np.indices(volume.array.shape)
    points = volume.physical(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    outside = np.hypot(points[:, 0], points[:, 1]) > 80
    array = volume.array.copy()
    array.reshape(-1)[outside] = -2000
    skin = extract_skin(Volume(array, volume.spacing, volume.origin, volume.direction))
    cut = skin_distance(skin.surface.vertices) < -3
    nostril = np.linalg.norm(np.cross(skin.surface.vertices, NOSTRIL / np.linalg.norm(NOSTRIL)), axis=1) < 9
    assert np.mean(cut & ~nostril) < 0.02


def test_what_holds_no_head_is_refused():
    empty = Volume(np.zeros((40, 40, 40), np.int16), np.ones(3), np.zeros(3), np.eye(3), source="empty.nii")
    with pytest.raises(VolumeError, match=r"empty\.nii.*same value"):
        extract_skin(empty)
    noise = np.random.default_rng(0).normal(100, 10, (60, 60, 60)).astype(np.float32)
    with pytest.raises(VolumeError):
        extract_skin(Volume(noise, np.full(3, 3.0), np.zeros(3), np.eye(3)))
    ball = np.zeros((60, 60, 60), np.int16)
    ball[25:35, 25:35, 25:35] = 1000
    with pytest.raises(VolumeError, match="head"):
        extract_skin(Volume(ball, np.ones(3), np.zeros(3), np.eye(3)))
    with pytest.raises(VolumeError, match="threshold"):
        extract_skin(VoxelHead(spacing=(4.0, 4.0, 4.0)).volume(), threshold=9e9)


def test_values_that_are_no_numbers_are_air():
    volume = VoxelHead(spacing=(4.0, 4.0, 4.0)).volume(dtype=np.float32)
    array = volume.array.copy()
    array[:, :3] = np.nan
    assert np.isfinite(skin_surface(replace(volume, array=array)).vertices).all()


def test_command_writes_the_skin(tmp_path):
    import SimpleITK as sitk

    from sgcn_core.cli.app import app

    volume = VoxelHead(spacing=(4.0, 4.0, 4.0)).volume()
    image = sitk.GetImageFromArray(volume.array)
    image.SetSpacing(volume.spacing.tolist())
    image.SetOrigin(volume.origin.tolist())
    sitk.WriteImage(image, str(tmp_path / "head.nii.gz"))
    arguments = ["skin", str(tmp_path / "head.nii.gz"), "-o", str(tmp_path / "skin.ply"), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    surface = read_surface(tmp_path / "skin.ply")
    assert (surface.unit, surface.frame) == ("mm", "LPS")
    assert document["triangles"] == len(surface.faces)
    assert document["kind"] == "ct"
    assert [cut["side"] for cut in document["cut_sides"]] == ["bottom"]
    scan = read_scan(tmp_path / "head.nii.gz")
    assert len(scan.faces) == len(surface.faces)
    with pytest.raises(FileFormatError, match="mm"):
        read_scan(tmp_path / "head.nii.gz", unit="m")
    missing = CliRunner().invoke(app, ["skin", str(tmp_path / "none.nii"), "-o", str(tmp_path / "skin.ply")])
    assert missing.exit_code == 2 or "none.nii" in missing.output


@pytest.mark.parametrize(
    ("name", "kind", "cut"),
    [
        ("ct_headsq_quarter.nrrd", "ct", {"top", "bottom"}),
        ("mr_colin27.nii.gz", "mr", {"bottom", "front"}),
        ("mr_seg3d.nii.gz", "mr", {"bottom", "front"}),
        ("nyhead_labels_1mm.nii.gz", "labels", {"bottom", "front"}),  # the tip of its nose is flat
    ],
)
def test_shared_volumes(shared_data, name, kind, cut):
    volume = read_volume(shared_data / "volumes" / name)
    skin = extract_skin(volume, resolution=1.0 if kind == "labels" else 2.0)
    assert skin.kind == kind
    found = {side.side for side in skin.surface.cut_planes}
    assert found == cut if kind == "labels" else cut <= found
    assert len(np.unique(components(skin.surface))) == 1
    assert 120 < skin.surface.extent.max() < 320


@pytest.mark.parametrize("bias", [0.6, 0.8])
def test_the_threshold_follows_the_fall_off_of_a_coil(bias):
    """Flesh at the neck is a third to an eighth as bright as at the middle: one threshold loses it."""
    head = VoxelHead(tissue=MR_LIKE, noise=3.0, bias=bias)
    error = errors_of(extract_skin(head.volume(modality="MR")))
    assert np.median(error) < 0.9 and np.percentile(error, 98) < 1.8 and error.max() < 4.5  # voxels of 3 mm
    assert errors_of(extract_skin(head.volume(modality="OT"))).max() > 50.0  # no other modality has coils


def test_an_even_image_is_left_as_it_is(monkeypatch):
    volume = VoxelHead(tissue=MR_LIKE, noise=12.0, bias=0.3).volume()
    before = extract_skin(volume).surface.vertices
    monkeypatch.setattr("sgcn_core.skin.extract.evened", lambda grid, tissue: grid)
    np.testing.assert_array_equal(extract_skin(volume).surface.vertices, before)


def test_the_greys_of_a_ct_are_never_evened(monkeypatch):
    monkeypatch.setattr("sgcn_core.skin.extract.evened", lambda *_: pytest.fail("evened"))
    extract_skin(VoxelHead(noise=25.0).volume(modality="CT"))
    extract_skin(VoxelHead(tissue=MR_LIKE, noise=12.0).volume(), threshold=100.0)
