"""Where shared chroma samples lie among their pixels (ISO/IEC 23091-2, Chroma420SampleLocType), as a file says it."""

import re
import subprocess
from pathlib import Path

from emodiff_core.media.files import FORMATS

SITINGS = ("left", "center", "topleft", "top", "bottomleft", "bottom")
_SHOWN = re.compile(r"^\s*Stream #0:.*: Video: (?!.*\(attached pic\)).*$", re.MULTILINE)
_WORD = re.compile(rf"\([^()]*\b({'|'.join(sorted(SITINGS, key=len, reverse=True))})\)")


def siting_of(program: str, path: Path) -> str:
    """One of SITINGS, empty where the file says nothing. PyAV does not tell it, so ffmpeg's program is asked.

    program: path of ffmpeg.
    """
    command = [program, "-hide_banner", "-v", "verbose", "-protocol_whitelist", "file", "-format_whitelist", FORMATS]
    done = subprocess.run([*command, "-i", f"file:{path}"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    shown = _SHOWN.search(done.stderr.decode(errors="replace"))
    found = _WORD.search(shown[0]) if shown else None
    return found[1] if found else ""
