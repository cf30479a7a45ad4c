"""Pictures of a surface with its landmarks, drawn off-screen: no display and no GPU needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.viz.picture import render_landmarks
    from sgcn_core.viz.system_libraries import RenderWarning

__all__ = ["RenderWarning", "render_landmarks"]

# The drawing process imports this package too and needs neither name.
__getattr__ = imported_on_use(__name__, {"picture": "render_landmarks", "system_libraries": "RenderWarning"})
