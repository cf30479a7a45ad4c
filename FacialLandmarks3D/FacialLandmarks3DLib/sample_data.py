"""A face to try the module on, in Slicer's Sample Data module: it comes with the extension, nothing is downloaded."""

from __future__ import annotations

import hashlib

from .core_package import RESOURCES
from .translation import _

NAME = "FacialLandmarks3DFace"
CATEGORY = "FacialLandmarks3D"
_FOLDER = RESOURCES / "SampleData"


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
