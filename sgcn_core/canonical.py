"""The canonical crop: which region of the head the network sees, the same in training and in use.

Head frame, millimetres: +x the subject's left, +y up, +z out of the face. The region is everything within
``CROP_MARGIN`` of a landmark of the prototype, so that hair, neck and clothes stay outside as far as possible.
Positions are normalised by a fixed centre and radius and not by what a scan happens to show, so that the heatmap's
sigma, the prototype and every learned distance mean the same on a full bust and on a face cut at the hairline.
"""

from __future__ import annotations

CROP_CENTRE = (0.0, -8.0, 57.0)
CROP_RADIUS = 120.0
CROP_MARGIN = 30.0
