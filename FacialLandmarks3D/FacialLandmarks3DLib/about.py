"""What Slicer shows of the module: the texts of Help & Acknowledgement, and the faces in its Sample Data module."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .messages import _
from .worker.python import RESOURCES

HOMEPAGE = "https://github.com/FacialLandmarks3D/SlicerFacialLandmarks3D"
CITATION = (
    "J. Burger, G. Blandano, G. M. Facchi, R. Lanzarotti, 2S-SGCN: A two-stage stratified graph convolutional network "
    "model for facial landmark detection on 3D data, Computer Vision and Image Understanding, 2025, "
    '<a href="https://doi.org/10.1016/j.cviu.2024.104227">doi:10.1016/j.cviu.2024.104227</a>.'
)
CONTRIBUTORS = ("FacialLandmarks3D contributors",)
NAME = "FacialLandmarks3DFace"
PAIR = "FacialLandmarks3DBeforeAfter"
CATEGORY = "FacialLandmarks3D"
_FOLDER = RESOURCES / "SampleData"


def help_text() -> str:
    """What the module does and where to read on; translated when it is called."""
    return _(
        "Places facial landmarks on 3D face scans and on the skin of CT and MR images, with the expected error "
        "of each, and marks the ones to check. Select a model or a volume and click <b>Place landmarks</b>. See the "
        '<a href="{homepage}/blob/main/docs/slicer.md">documentation</a>.'
    ).format(homepage=HOMEPAGE)


def acknowledgement() -> str:
    """Whom to cite."""
    return _("The landmarks are placed with 2S-SGCN, the method of: {citation}").format(citation=CITATION)


def registerSampleData() -> None:
    """Offer the samples; called once Slicer has started, and does nothing where there is no Sample Data module."""
    try:
        from SampleData import SampleDataLogic
    except ImportError:
        return
    if hasattr(SampleDataLogic, "registerCustomSampleDataCategory"):  # Slicer 5.11 and later
        SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=_("Facial Landmarks 3D"))
    face = _FOLDER / f"{NAME}.ply"
    SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=NAME,
        thumbnailFileName=str(_FOLDER / f"{NAME}.png"),
        uris=face.as_uri(),
        fileNames=face.name,
        nodeNames="Face",
        loadFileTypes="ModelFile",
        checksums=_checksum(face),
    )
    pair = (
        (face, "FacialLandmarks3DBefore.ply", "Before", "ModelFile"),
        (_FOLDER / "FacialLandmarks3DAfter.ply", "FacialLandmarks3DAfter.ply", "After", "ModelFile"),
        *(
            (_FOLDER / name, name, node, "MarkupsFile")
            for name, node in (
                ("FacialLandmarks3DBefore.mrk.json", "Before landmarks"),
                ("FacialLandmarks3DAfter.mrk.json", "After landmarks"),
            )
        ),
    )
    SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=PAIR,
        thumbnailFileName=str(_FOLDER / f"{NAME}.png"),
        uris=[file.as_uri() for file, *_rest in pair],
        fileNames=[copy for _file, copy, *_rest in pair],
        nodeNames=[node for *_rest, node, _kind in pair],
        loadFileTypes=[kind for *_rest, kind in pair],
        checksums=[_checksum(file) for file, *_rest in pair],
    )


def _checksum(file: Path) -> str:
    """Slicer keeps a copy of the file; that of an older version is replaced."""
    return f"SHA256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
