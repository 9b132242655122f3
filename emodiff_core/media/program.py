"""Which ffmpeg encodes: the machine's own where it can do the work, else the one that comes in a wheel."""

import re
import shutil
import subprocess
from functools import lru_cache

import imageio_ffmpeg

# Older ones forget how a Matroska picture is turned.
_OLDEST = 7


def ffmpeg_program(choice: str = "auto") -> str:
    """Path of the program. choice: auto, bundled, or a path. Raises FileNotFoundError for one that is not there."""
    if choice == "bundled":
        return imageio_ffmpeg.get_ffmpeg_exe()
    if choice != "auto":
        if (named := shutil.which(choice)) is None:
            raise FileNotFoundError(f"settings.mux.ffmpeg names {choice}, which is no program")
        return named
    installed = shutil.which("ffmpeg")
    return installed if installed and _able(installed) else imageio_ffmpeg.get_ffmpeg_exe()


@lru_cache
def ffmpeg_version(program: str) -> str:
    """Such as `7.1.1`, as the program says it."""
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"ffmpeg version (\S+)", said)
    return found[1] if found else "unknown"


@lru_cache
def _able(program: str) -> bool:
    """Whether it has libx264 and aac and is new enough to keep timestamps as they are."""
    said = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, text=True, check=False).stdout
    number = re.match(r"n?(\d+)\.", ffmpeg_version(program))
    return " libx264 " in said and " aac " in said and number is not None and int(number[1]) >= _OLDEST
