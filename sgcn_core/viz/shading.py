"""The light and the colours, shared by the engines so that their pictures look alike."""

from __future__ import annotations

BACKGROUND = (0.965, 0.97, 0.98)
SKIN = (0.93, 0.78, 0.68)
UNCERTAIN = (1.0, 0.55, 0.0)
INK = (0.16, 0.18, 0.22)
FAINT_INK = (0.45, 0.48, 0.53)
PAPER = (1.0, 1.0, 1.0)

AMBIENT = 0.30
# Where each light stands, in the view frame (right, up, towards the viewer), and how strong it is.
LIGHTS = (((-0.55, 0.75, 0.9), 0.52), ((0.9, 0.15, 0.55), 0.30), ((0.0, -0.6, 0.8), 0.20))

GROUP_COLOURS = (
    (0.12, 0.35, 0.80),
    (0.80, 0.10, 0.25),
    (0.05, 0.50, 0.35),
    (0.45, 0.15, 0.65),
    (0.00, 0.50, 0.65),
    (0.80, 0.15, 0.60),
    (0.30, 0.30, 0.35),
    (0.35, 0.45, 0.05),
    (0.45, 0.25, 0.10),
    (0.10, 0.15, 0.45),
)
