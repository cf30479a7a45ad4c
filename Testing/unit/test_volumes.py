"""Volumes: geometry as ITK has it, every format, and refusal of what cannot be read."""

from __future__ import annotations

import gzip
import io
import struct
import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

import sgcn_core
from sgcn_core.batch import PlanError, Request, plan
from sgcn_core.errors import FileFormatError, VolumeError
from sgcn_core.io.formats import volume_suffix
from sgcn_core.io.read import read
from sgcn_core.io.volumes import is_volume, read_volume
from sgcn_core.types.volume import Volume

OBLIQUE = Rotation.from_euler("xyz", [10, 20, -5], degrees=True).as_matrix()


def example(dtype: type = np.int16) -> sitk.Image:
    array = np.arange(12 * 10 * 9).reshape(12, 10, 9).astype(dtype)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.7, 0.8, 1.5))
    image.SetOrigin((-12.0, 30.0, 5.5))
    image.SetDirection(OBLIQUE.ravel().tolist())
    return image


def write_dicom(folder, positions, *, series="1.2.3.4", number="3", prefix="a", shear=0.0) -> None:
    folder.mkdir(exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for place, z in enumerate(positions):
        image = sitk.GetImageFromArray(np.full((1, 16, 16), 100 * place - 1000, dtype=np.int16))
        image.SetSpacing((0.5, 0.5, 1.0))
        for key, value in {
            "0008|0060": "CT",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{series}.{place + 1}",
            "0020|000d": "1.2.3",
            "0020|000e": series,
            "0020|0011": number,
            "0020|0013": str(place),
            "0020|0032": f"-10\\{-20 + shear * z}\\{z}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0028|1052": "0",
            "0028|1053": "1",
        }.items():
            image.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{prefix}{place:03d}.dcm"))
        writer.Execute(image)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.mhd", "a.nhdr", "A.NII.GZ"])
def test_formats_keep_values_and_places(tmp_path, name):
    image = example()
    sitk.WriteImage(image, str(tmp_path / name.lower()))
    (tmp_path / name.lower()).rename(tmp_path / name)
    volume = read_volume(tmp_path / name)
    assert volume.array.shape == (12, 10, 9)
    assert volume.array.dtype == np.int16
    assert np.array_equal(volume.array, sitk.GetArrayFromImage(image))
    assert volume.frame == "LPS"
    for index in [(0, 0, 0), (3, 7, 11)]:
        place = volume.physical([index])[0]
        assert place == pytest.approx(image.TransformContinuousIndexToPhysicalPoint(index), abs=1e-4)


def test_wide_numbers_are_kept_as_float32(tmp_path):
    sitk.WriteImage(example(np.float64), str(tmp_path / "a.nrrd"))
    assert read_volume(tmp_path / "a.nrrd").array.dtype == np.float32


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_scaled_numbers(tmp_path, name):
    """NIfTI may hold integers and a scale; the file is then smaller than the floats it stands for."""
    sitk.WriteImage(example(), str(tmp_path / "plain.nii"))
    data = bytearray((tmp_path / "plain.nii").read_bytes())
    struct.pack_into("<2f", data, 112, 0.5, 10.0)
    (tmp_path / name).write_bytes(gzip.compress(bytes(data)) if name.endswith("gz") else bytes(data))
    volume = read_volume(tmp_path / name)
    assert volume.array.dtype == np.float32
    assert volume.array[0, 0, 3] == pytest.approx(11.5)


def test_a_scale_that_is_nan_is_none(tmp_path):
    sitk.WriteImage(example(), str(tmp_path / "plain.nii"))
    data = bytearray((tmp_path / "plain.nii").read_bytes())
    struct.pack_into("<2f", data, 112, np.nan, np.nan)
    (tmp_path / "a.nii").write_bytes(bytes(data))
    assert np.array_equal(read_volume(tmp_path / "a.nii").array, sitk.GetArrayFromImage(example()))


def test_analyze_is_refused_as_it_does_not_tell_left_from_right(tmp_path):
    sitk.WriteImage(example(), str(tmp_path / "a.nii"))
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[344:348] = bytes(4)
    (tmp_path / "a.nii").write_bytes(bytes(data))
    with pytest.raises(FileFormatError, match=r"a\.nii as NII: .*Analyze"):
        read_volume(tmp_path / "a.nii")


def test_voxels_that_begin_too_late_are_not_filled_with_zeros(tmp_path):
    sitk.WriteImage(example(), str(tmp_path / "a.nii"))
    data = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<f", data, 108, 800.0)
    (tmp_path / "a.nii").write_bytes(bytes(data))
    with pytest.raises(FileFormatError, match="truncated"):
        read_volume(tmp_path / "a.nii")


def test_damage_in_compressed_voxels_is_noticed(tmp_path):
    for name in ("a.mha", "a.nrrd", "a.nii.gz"):
        sitk.WriteImage(example(), str(tmp_path / name), True)
        whole = (tmp_path / name).read_bytes()
        assert np.array_equal(read_volume(tmp_path / name).array, sitk.GetArrayFromImage(example()))
        data = bytearray(whole)
        data[-60] ^= 0x5A  # ITK reads on, or says that it is no such file
        (tmp_path / name).write_bytes(bytes(data))
        with pytest.raises(FileFormatError, match=rf"{name}"):
            read_volume(tmp_path / name)


def test_read_tells_by_the_path_what_it_reads(tmp_path):
    sitk.WriteImage(example(), str(tmp_path / "a.nii"))
    assert isinstance(sgcn_core.read(tmp_path / "a.nii"), Volume)
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    surface = sgcn_core.read(tmp_path / "a.obj", unit="cm")
    assert isinstance(surface, sgcn_core.Surface) and surface.unit == "cm"
    with pytest.raises(FileFormatError, match="in mm"):
        sgcn_core.read(tmp_path / "a.nii", unit="m")


def test_suffixes():
    assert volume_suffix("x/Head.NII.gz") == ".nii.gz"
    assert volume_suffix("head.ply") is None
    assert volume_suffix(".nii") is None
    assert not is_volume("head.vtk")


def test_a_missing_empty_or_foreign_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_volume(tmp_path / "none.nii")
    (tmp_path / "empty.nii").touch()
    with pytest.raises(FileFormatError, match=r"empty\.nii: it is empty"):
        read_volume(tmp_path / "empty.nii")
    (tmp_path / "text.nrrd").write_text("this is no volume" * 100)
    with pytest.raises(FileFormatError, match=r"text\.nrrd"):
        read_volume(tmp_path / "text.nrrd")
    with pytest.raises(FileFormatError, match="suffix"):
        read_volume(_touched(tmp_path / "a.ply"))


def _touched(path):
    path.write_text("x")
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
def test_a_file_cut_short_is_refused(tmp_path, name):
    path = tmp_path / name
    sitk.WriteImage(example(), str(path))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(FileFormatError, match=r"a\."):
        read_volume(path)


@pytest.mark.parametrize("name", ["bomb.nii", "bomb.nii.gz"])
def test_a_header_that_states_too_much_is_refused_unread(tmp_path, name):
    sitk.WriteImage(example(), str(tmp_path / "a.nii"))
    header = bytearray((tmp_path / "a.nii").read_bytes())
    for size, reason in ((30000, "limit"), (500, "damaged or truncated")):
        struct.pack_into("<3h", header, 42, size, size, size)
        data = gzip.compress(bytes(header)) if name.endswith("gz") else bytes(header)
        (tmp_path / name).write_bytes(data)
        with pytest.raises(FileFormatError, match=reason):
            read_volume(tmp_path / name)


def test_the_limit_can_be_set(tmp_path):
    sitk.WriteImage(example(), str(tmp_path / "a.nii"))
    with pytest.raises(FileFormatError, match="limit of 1000"):
        read_volume(tmp_path / "a.nii", max_voxels=1000)
    assert read_volume(tmp_path / "a.nii", max_voxels=None).array.size == 1080


def test_only_one_grey_value_per_voxel(tmp_path):
    sitk.WriteImage(sitk.Compose([example()] * 3), str(tmp_path / "rgb.nrrd"))
    with pytest.raises(FileFormatError, match="3 values per voxel"):
        read_volume(tmp_path / "rgb.nrrd")
    sitk.WriteImage(sitk.JoinSeries([example(), example()]), str(tmp_path / "time.nii"))
    with pytest.raises(FileFormatError, match="4D"):
        read_volume(tmp_path / "time.nii")
    sitk.WriteImage(sitk.JoinSeries([example()]), str(tmp_path / "one.nrrd"))
    volume = read_volume(tmp_path / "one.nrrd")
    assert volume.array.shape == (12, 10, 9)
    assert np.allclose(volume.direction, OBLIQUE, atol=1e-6)
    sitk.WriteImage(example()[:, :, 3], str(tmp_path / "slice.nii"))
    with pytest.raises(FileFormatError, match="one slice"):
        read_volume(tmp_path / "slice.nii")


def test_geometry_is_checked():
    array = np.zeros((10, 10, 10), np.uint8)
    with pytest.raises(VolumeError, match="spacing"):
        Volume(array, (1, 0, 1), (0, 0, 0), np.eye(3))
    with pytest.raises(VolumeError, match="direction"):
        Volume(array, (1, 1, 1), (0, 0, 0), np.ones((3, 3)))
    with pytest.raises(VolumeError, match="at least 8"):
        Volume(array[:2], (1, 1, 1), (0, 0, 0), np.eye(3))
    with pytest.raises(VolumeError, match="origin"):
        Volume(array, (1, 1, 1), (0, np.nan, 0), np.eye(3))
    with pytest.raises(VolumeError, match="three axes"):
        Volume(array[0], (1, 1, 1), (0, 0, 0), np.eye(3))


def test_dicom_folder(tmp_path):
    write_dicom(tmp_path / "ct", [5.0 + 1.5 * n for n in range(10)])
    assert is_volume(tmp_path / "ct")
    volume = read_volume(tmp_path / "ct")
    assert volume.modality == "CT"
    assert volume.array.shape == (10, 16, 16)
    assert volume.spacing == pytest.approx([0.5, 0.5, 1.5])
    assert volume.physical([[0, 0, 4]])[0] == pytest.approx([-10, -20, 11])
    assert volume.array[4, 0, 0] == -600


def test_the_largest_series_of_a_dicom_folder_is_read(tmp_path):
    write_dicom(tmp_path / "ct", range(8), series="1.2.3.4")
    write_dicom(tmp_path / "ct", range(12), series="1.2.3.5", prefix="b")
    with pytest.warns(UserWarning, match=r"2 DICOM series.*1\.2\.3\.5"):
        assert read_volume(tmp_path / "ct").array.shape[0] == 12
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_volume(tmp_path / "ct", series="1.2.3.4").array.shape[0] == 8
    with pytest.raises(FileFormatError, match=r"no series '9.9'; give .*1\.2\.3\.4 \(number 3, 8 files\)"):
        read_volume(tmp_path / "ct", series="9.9")
    with pytest.raises(FileFormatError, match=r"no series '1\.2'"):  # the beginning of a UID is none
        read_volume(tmp_path / "ct", series="1.2")


def test_a_series_is_chosen_by_its_number(tmp_path):
    write_dicom(tmp_path / "ct", range(8), series="1.2.3.4", number="3")
    write_dicom(tmp_path / "ct", range(12), series="1.2.3.5", number="7", prefix="b")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(tmp_path / "ct", series="3").array.shape[0] == 8
        assert read(tmp_path / "ct", series="7").array.shape[0] == 12
    write_dicom(tmp_path / "ct", range(5), series="1.2.3.6", number="3", prefix="c")
    with pytest.raises(FileFormatError, match="several series '3'"):
        read(tmp_path / "ct", series="3")


def test_a_mesh_beside_a_series_is_a_case_of_its_own(tmp_path):
    write_dicom(tmp_path / "case", range(8))
    _touched(tmp_path / "case" / "face.stl")
    for folder in (tmp_path, tmp_path / "case"):
        jobs = plan(Request((folder,), search_below=True))
        assert [job.source for job in jobs] == [tmp_path / "case", tmp_path / "case" / "face.stl"]
        assert len({job.landmarks for job in jobs}) == 2


def test_missing_slices_are_refused_and_small_gaps_told(tmp_path):
    write_dicom(tmp_path / "gap", [*range(6), *range(9, 15)])
    with pytest.raises(FileFormatError, match="not evenly spaced"):
        read_volume(tmp_path / "gap")
    write_dicom(tmp_path / "small", [*range(9), 9.5])
    with pytest.warns(UserWarning, match="evenly"):
        read_volume(tmp_path / "small")


def test_a_tilted_gantry_is_refused_by_name(tmp_path):
    """18 degrees: each slice lies beside the one before."""
    write_dicom(tmp_path / "ct", [3.0 * n for n in range(12)], shear=np.tan(np.radians(18)))
    with pytest.raises(FileFormatError, match=r"ct: its slices are sheared by 18\.0 degrees .*tilted gantry.*resample"):
        read_volume(tmp_path / "ct")


def test_copies_of_slices_are_dropped_and_doubled_slices_refused(tmp_path):
    write_dicom(tmp_path / "ct", range(10))
    for number in (0, 4, 9):
        (tmp_path / "ct" / f"copy{number}.dcm").write_bytes((tmp_path / "ct" / f"a{number:03d}.dcm").read_bytes())
    assert read_volume(tmp_path / "ct").array[:, 0, 0].tolist() == [100 * n - 1000 for n in range(10)]
    write_dicom(tmp_path / "ct", [4], prefix="other")
    with pytest.raises(FileFormatError, match="not evenly spaced"):
        read_volume(tmp_path / "ct")


def test_slices_in_folders_below_a_dicomdir(tmp_path):
    write_dicom(tmp_path / "ct", range(9))
    below = tmp_path / "cd" / "PT000000" / "SE000000"
    below.mkdir(parents=True)
    for number, file in enumerate(sorted((tmp_path / "ct").iterdir())):
        file.rename(below / f"CT{number:06d}")
    (tmp_path / "cd" / "DICOMDIR").write_bytes(dicomdir())
    assert is_volume(tmp_path / "cd")
    assert read_volume(tmp_path / "cd").array.shape == (9, 16, 16)


def dicomdir() -> bytes:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MediaStorageDirectoryStorage, "1.2.3.9"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = io.BytesIO()
    content = FileDataset(stream, {}, file_meta=meta, preamble=bytes(128))
    content.FileSetID = "CD"
    content.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_a_dicom_slice_that_is_cut_short_is_refused_and_not_left_out(tmp_path):
    write_dicom(tmp_path / "ct", range(10))
    last = tmp_path / "ct" / "a009.dcm"
    whole = last.read_bytes()
    for end in (200, len(whole) // 2, len(whole) - 100):
        last.write_bytes(whole[:end])
        with pytest.raises(FileFormatError, match=r"a009\.dcm as DICOM"):
            read_volume(tmp_path / "ct")


def test_folders_without_dicom_are_refused(tmp_path):
    assert not is_volume(tmp_path)
    with pytest.raises(FileFormatError, match="no DICOM"):
        read_volume(tmp_path)


def test_volumes_are_planned_like_meshes(tmp_path):
    for name in ("head.nii.gz", "other.nrrd", "face.ply"):
        _touched(tmp_path / name)
    names = [job.landmarks.name for job in plan(Request((tmp_path,)))]
    assert names == ["face.mrk.json", "head.mrk.json", "other.mrk.json"]
    write_dicom(tmp_path / "series.1", range(8))
    (job,) = plan(Request((tmp_path / "series.1",)))
    assert job.source == tmp_path / "series.1"
    assert job.landmarks == tmp_path / "series.1.mrk.json"
    (tmp_path / "nothing").mkdir()
    with pytest.raises(PlanError, match="DICOM"):
        plan(Request((tmp_path / "nothing",)))


def test_damaged_files_raise_errors_of_ours(tmp_path):
    """Bits of the header turned over: refused with the file's name, or read."""
    draw = np.random.default_rng(0)
    for suffix in (".nii", ".nrrd", ".mha"):
        sitk.WriteImage(example(), str(tmp_path / f"good{suffix}"))
        good = (tmp_path / f"good{suffix}").read_bytes()
        for _ in range(40):
            damaged = bytearray(good)
            for place in draw.integers(0, 340, 4):
                damaged[place] ^= 1 << int(draw.integers(8))
            (tmp_path / f"bad{suffix}").write_bytes(bytes(damaged))
            try:
                read_volume(tmp_path / f"bad{suffix}")
            except FileFormatError as error:
                assert f"bad{suffix}" in str(error)
