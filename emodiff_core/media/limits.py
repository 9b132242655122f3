"""How large an input may be before it is refused, decided from its header, before its pixels are unpacked."""

from dataclasses import dataclass

from emodiff_core.refusal import Refusal


@dataclass(frozen=True)
class Limits:
    """min_side, max_side: pixels of either side; max_pixels: width times height; max_seconds: of picture or sound;
    deinterlace: bring interlaced frames to whole ones instead of refusing them."""

    min_side: int = 64
    max_side: int = 16384
    max_pixels: int = 100_000_000
    max_seconds: float = 6 * 3600.0
    deinterlace: bool = False

    def check_size(self, width: int, height: int, name: str) -> None:
        """Raise PICTURE_TOO_SMALL or PICTURE_TOO_LARGE for width x height pixels of the file called name."""
        if min(width, height) < self.min_side:
            raise Refusal(
                "PICTURE_TOO_SMALL",
                f"{name} is {width}x{height} pixels; the shorter side needs {self.min_side}",
                "deliver a larger picture: the face alone should be 128 pixels wide or more",
            )
        if max(width, height) > self.max_side or width * height > self.max_pixels:
            raise Refusal(
                "PICTURE_TOO_LARGE",
                f"{name} is {width}x{height} pixels; the limit is {self.max_side} a side, {self.max_pixels / 1e6:g} MP",
                "scale the picture down, or raise settings.media.max_side and max_pixels",
            )
