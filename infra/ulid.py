"""Names that sort by time and never meet (https://github.com/ulid/spec)."""

import secrets
import time

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(now: float | None = None) -> str:
    """26 characters of Crockford's base 32: 48 bits of milliseconds since 1970, 80 random bits. now: seconds."""
    milliseconds = int((time.time() if now is None else now) * 1000)
    value = (milliseconds << 80) | secrets.randbits(80)
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
