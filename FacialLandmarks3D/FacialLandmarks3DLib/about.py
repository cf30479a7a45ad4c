"""The module's texts in Slicer's Help & Acknowledgement section."""

from __future__ import annotations

from .translation import _

HOMEPAGE = "https://github.com/FacialLandmarks3D/SlicerFacialLandmarks3D"
CITATION = (
    "J. Burger, G. Blandano, G. M. Facchi, R. Lanzarotti, 2S-SGCN: A two-stage stratified graph convolutional network "
    "model for facial landmark detection on 3D data, Computer Vision and Image Understanding, 2025, "
    '<a href="https://doi.org/10.1016/j.cviu.2024.104227">doi:10.1016/j.cviu.2024.104227</a>.'
)
CONTRIBUTORS = ("FacialLandmarks3D contributors",)


def help_text() -> str:
    """What the module does and where to read on; translated when it is called."""
    return _(
        "Places facial landmarks on 3D face scans and on the skin of CT and MR images, with the error to be expected "
        "of each, and says which ones to check. Select a model or a volume and click <b>Place landmarks</b>. See the "
        '<a href="{homepage}/blob/main/docs/slicer.md">documentation</a>.'
    ).format(homepage=HOMEPAGE)


def acknowledgement() -> str:
    """Whom to cite."""
    return _("The landmarks are placed with 2S-SGCN, the method of: {citation}").format(citation=CITATION)
