"""Pictures of a surface with its landmarks, drawn off-screen: no display and no GPU needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgcn_core.viz.picture import render_landmarks
    from sgcn_core.viz.system_libraries import RenderWarning

__all__ = ["RenderWarning", "render_landmarks"]


def __getattr__(name: str) -> Any:  # the drawing process imports this package too and needs neither name
    if name == "render_landmarks":
        from sgcn_core.viz.picture import render_landmarks

        return render_landmarks
    if name == "RenderWarning":
        from sgcn_core.viz.system_libraries import RenderWarning

        return RenderWarning
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
