"""One way to read any scan: a mesh, a point cloud, a volume or a DICOM folder."""

from __future__ import annotations

import os

from sgcn_core.errors import FileFormatError
from sgcn_core.io.meshes import read_surface
from sgcn_core.io.volumes import is_volume, read_volume
from sgcn_core.types.surface import Surface
from sgcn_core.types.volume import Volume


def read(path: str | os.PathLike[str], *, unit: str | None = None, series: str | None = None) -> Surface | Volume:
    """Read a surface mesh, or a volume, whose skin is extracted later.

    Parameters
    ----------
    path : path
        A mesh (.obj, .ply, .stl, .vtk, .vtp, .off, .glb, .gltf, .wrl), a volume (.nii, .nii.gz, .hdr, .nrrd, .nhdr,
        .mha, .mhd, .dcm, .ima), or a folder of DICOM files.
    unit : {"um", "mm", "cm", "m", "in"} or a length such as "7.3mm", optional
        Of a mesh, in place of the one its file declares. Volumes are in mm.
    series : str, optional
        UID or number of the series of a DICOM folder; by default that with most slices.

    Returns
    -------
    Surface or Volume
        In the coordinates of the file.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        The file does not exist, or the folder holds no DICOM files.
    FileFormatError
        The file cannot be read; a unit other than mm is stated for a volume.
    SurfaceError
        No usable surface, as of a point cloud (:func:`sgcn_core.skin.extract.read_scan` reconstructs one).
    """
    if not is_volume(path):
        return read_surface(path, unit=unit)
    if unit not in (None, "mm"):
        raise FileFormatError(f"{path} is a volume, and those are in mm; received the unit {unit!r}, leave it out")
    return read_volume(path, series=series)
