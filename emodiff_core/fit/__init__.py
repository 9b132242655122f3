"""From the face mesh's 468 points to codes of any head in FLAME's layout."""

from emodiff_core.fit.clip import fit_clip, fit_frame

__all__ = ["fit_clip", "fit_frame"]
