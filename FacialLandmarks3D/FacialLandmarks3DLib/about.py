"""What Slicer shows of the module: the texts of Help & Acknowledgement, and the face in its Sample Data module."""

from __future__ import annotations

import hashlib

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
    """Offer the sample; called once Slicer has started, and does nothing where there is no Sample Data module."""
    try:
        from SampleData import SampleDataLogic
    except ImportError:
        return
    if hasattr(SampleDataLogic, "registerCustomSampleDataCategory"):  # Slicer 5.11 and later
        SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=_("Facial Landmarks 3D"))
    file = _FOLDER / f"{NAME}.ply"
    SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=NAME,
        thumbnailFileName=str(_FOLDER / f"{NAME}.png"),
        uris=file.as_uri(),
        fileNames=file.name,
        nodeNames="Face",
        loadFileTypes="ModelFile",
        # Slicer keeps a copy; that of an older version is replaced.
        checksums=f"SHA256:{hashlib.sha256(file.read_bytes()).hexdigest()}",
    )
