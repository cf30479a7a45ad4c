"""The second pass of the experiment: nothing comes out mirrored, samples lie on curved skin, what a mixture costs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from research.local_pass.apply import LocalNetwork, second_pass
from research.local_pass.cases import Case, load_cases
from research.local_pass.outside import evenly, on_the_outside
from research.local_pass.patches import curved_samples
from research.local_pass.regions import MIRROR, REGIONS, LocalRegion
from research.local_pass.source import PatchSource
from research.local_pass.table import Second, left_out, table
from research.local_pass.train import main, region_frame
from sgcn_core.detector import LandmarkDetector
from sgcn_core.graph.crop import CROP_RADIUS
from sgcn_core.model.network import NetworkConfig, StratifiedGCN
from sgcn_core.training.validation import mean_errors

REGION = LocalRegion("eye", ("en_l", "ex_l"), ("en_r", "ex_r"), reach=24.0, nodes=60)


@pytest.fixture(scope="module")
def local() -> LocalNetwork:
    torch.manual_seed(0)
    network = StratifiedGCN(NetworkConfig(landmarks=2, depth=2, channels=8)).eval()
    return LocalNetwork(REGION, network, np.array([[-12.0, 0.0, 0.0], [12.0, 0.0, 0.0]]))


@pytest.fixture(scope="module")
def face() -> Case:
    """A wavy sheet, not symmetric, with landmarks on both sides; the truth is 3 mm above what was found."""
    x, y = np.meshgrid(np.arange(-70.0, 71.0, 4.0), np.arange(-40.0, 41.0, 4.0))
    height = 4.0 * np.sin(x / 9.0 + 0.4) + 3.0 * np.cos(y / 7.0 + x / 30.0)
    vertices = np.stack([x, y, height], axis=2).reshape(-1, 3) / CROP_RADIUS
    ids = np.arange(x.size).reshape(x.shape)
    a, b, c, d = ids[:-1, :-1].ravel(), ids[:-1, 1:].ravel(), ids[1:, :-1].ravel(), ids[1:, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    first = np.array([[20.0, 0, 0], [44.0, 0, 0], [-20.0, 0, 0], [-44.0, 0, 0]]) / CROP_RADIUS
    return Case(
        group="scans",
        name="sheet",
        labels=("en_l", "ex_l", "en_r", "ex_r"),
        vertices=vertices,
        faces=faces,
        first=first,
        truth=first + np.array([0.0, 3.0 / CROP_RADIUS, 0.0]),
        unit=CROP_RADIUS,
    )


def test_a_mirrored_face_exchanges_left_and_right(local: LocalNetwork, face: Case) -> None:
    first = (face.first * MIRROR)[[2, 3, 0, 1]]
    other = replace(face, vertices=face.vertices * MIRROR, faces=face.faces[:, ::-1], first=first)
    found, mirrored = second_pass(face, local), second_pass(other, local)
    assert set(found) == {"en_l", "ex_l", "en_r", "ex_r"}
    for label, place in found.items():
        assert np.sign(place[0][0]) == (1.0 if label.endswith("_l") else -1.0)
        partner = label[:-1] + {"l": "r", "r": "l"}[label[-1]]
        np.testing.assert_allclose(mirrored[partner][0], place[0] * MIRROR, atol=1e-9)


def test_places_lie_on_the_surface_about_the_first_ones(local: LocalNetwork, face: Case) -> None:
    for label, (place, _) in second_pass(face, local).items():
        x, y, z = place * CROP_RADIUS
        wave = 4.0 * np.sin(x / 9.0 + 0.4) + 3.0 * np.cos(y / 7.0 + x / 30.0)
        assert abs(z - wave) < 0.6  # the triangles are 4 mm long
        middle = (32.0 if label.endswith("_l") else -32.0, 0.0)
        assert np.hypot(x - middle[0], y - middle[1]) < REGION.reach + 4.0


def test_a_scan_without_the_region_gives_nothing(local: LocalNetwork, face: Case) -> None:
    away = replace(face, first=face.first + np.array([0.0, 2.0, 0.0]))
    assert second_pass(away, local) == {}


def test_samples_follow_a_sphere() -> None:
    # An octahedron's face, normals of the sphere: the flat middle lies at 0.577, the curved one nearer to 1.
    vertices = torch.eye(3)[None]
    points, normals = curved_samples(vertices, vertices, torch.tensor([[[0, 1, 2]]]), torch.full((1, 1, 3), 1 / 3))
    assert 0.75 < float(points.norm()) < 1.0
    np.testing.assert_allclose(normals[0, 0].numpy(), np.full(3, 3**-0.5), atol=1e-6)


def test_a_region_is_trained_on_patches_and_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    region = REGIONS["eye"]
    for number in range(7):
        points = np.column_stack(
            [rng.uniform(-30.0, 30.0, (4000, 2)), np.zeros(4000), np.zeros((4000, 2)), np.ones(4000)]
        )
        places = np.column_stack([rng.uniform(-15.0, 15.0, (len(region.labels), 2)), np.zeros(len(region.labels))])
        arrays = {
            "points": points.astype(np.float16),
            "landmarks": places.astype(np.float32),
            "known": np.ones(len(places), dtype=bool),
        }
        np.savez(tmp_path / f"{number:04d}_ict.npz", **{f"eye_{name}": value[None] for name, value in arrays.items()})
    command = ["--region", "eye", "--patches", str(tmp_path), "--out", str(tmp_path / "eye.pt"), "--batch", "1"]
    main([*command, "--steps", "2", "--minutes", "0"])
    assert "stopped at step 1 of 2" in capsys.readouterr().out
    main([*command, "--steps", "2"])
    assert "at step 1" in capsys.readouterr().out
    known = LandmarkDetector.from_pretrained().checkpoint
    local = LocalNetwork.load(tmp_path / "eye.pt", known)
    assert local.region == region and local.network.config.landmarks == len(region.labels)
    source = PatchSource(region, tmp_path, *region_frame(known, region), files=slice(None))
    first, again, other = source.batch(3, 2), source.batch(3, 2), source.batch(3, 2, stream=1)
    assert first.x.equal(again.x) and not first.x.equal(other.x)
    assert first.x.shape == (2 * region.nodes, 6) and float(first.x[:, :3].norm(dim=1).max()) < 1.5
    errors = mean_errors(local.network, first)  # of a network that has learnt nothing, within the region of 26 mm
    assert errors.shape == (2, len(region.labels)) and 0.0 < float(errors.nanmean()) < 52.0


def test_the_table_mixes_both_passes(face: Case) -> None:
    # On a plane through all of it the second pass is right: 3 mm without it, 1.5 with half of it, 0 with it alone.
    flat = replace(face, vertices=face.vertices * [1.0, 1.0, 0.0])
    right = {label: (place, 1.0) for label, place in zip(flat.labels, flat.truth, strict=True)}
    row = next(row for row in table("t", [Second(flat, right)]).rows if row["group"] == "en")
    assert [row[share] for share in ("0", "0.5", "1")] == pytest.approx([3.0, 1.5, 0.0], abs=1e-9)
    blind = {label: (place, 0.1) for label, (place, _) in right.items()}
    row = next(row for row in table("t", [Second(flat, blind)]).rows if row["group"] == "en")
    assert row["1"] == pytest.approx(3.0)


def test_the_share_comes_from_the_other_sets(face: Case) -> None:
    flat = replace(face, vertices=face.vertices * [1.0, 1.0, 0.0])
    right = {label: (place, 1.0) for label, place in zip(flat.labels, flat.truth, strict=True)}
    wrong = {label: (place - [0.0, 0.05, 0.0], 1.0) for label, place in zip(flat.labels, flat.first, strict=True)}
    heads = replace(flat, group="heads", name="other")
    rows = {row["set"]: row for row in left_out("t", [Second(flat, right), Second(heads, wrong)]).rows}
    assert (rows["heads"]["share"], rows["scans"]["share"]) == ("1.0", "0.0")
    assert rows["heads"]["mixed"] == pytest.approx(9.0, abs=1e-6) and rows["scans"]["mixed"] == pytest.approx(3.0)


def test_what_lies_behind_cannot_be_seen_and_crowds_are_thinned() -> None:
    grid = torch.stack(torch.meshgrid(torch.arange(-10.0, 11.0), torch.arange(-10.0, 11.0), indexing="ij"), 2)
    front = torch.cat([grid.reshape(-1, 2), torch.zeros(441, 1)], 1)
    points = torch.cat([front, front - torch.tensor([0.0, 0.0, 3.0])])[None]
    seen = on_the_outside(points, torch.tensor([0.0, 0.0, 1.0]).expand_as(points))[0]
    inner = (points[0, :, :2].abs() < 6.0).all(1)  # nearer to the border one sees past the front
    assert seen[:441].all() and not seen[441:][inner[441:]].any()
    pairs = torch.tensor([[[0.2, 0.2, 0.2], [0.3, 0.3, 0.3], [5.0, 0.2, 0.2], [0.2, 0.3, 0.2]]])
    usable = torch.tensor([[False, True, True, True]])
    assert evenly(pairs, usable, torch.zeros(1, 1, 3)).tolist() == [[False, True, True, False]]


def test_cases_of_another_first_pass_are_refused(face: Case, tmp_path: Path) -> None:
    face.save(tmp_path / "sheet.npz", "c0ffee")
    assert [case.name for case in load_cases(tmp_path, "c0ffee")] == ["sheet"]
    with pytest.raises(SystemExit, match="is of other weights"):
        load_cases(tmp_path, "7ea")
