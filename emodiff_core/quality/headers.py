"""Two films compared by what their headers say: tags, sizes, lengths, tracks. One row for each thing compared."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from emodiff_core.quality.reel import Reel, Sound

OK, FAIL, NOTE = "ok", "FAIL", "note"
_UNSAID = {"PRIMARIES": (0, 2), "TRANSFER": (0, 2), "MATRIX": (2, 3), "RANGE": (0,)}
_USUAL_RANGE = 1
_LEFT = "left"
_PADDING = Fraction(1024, 48000)  # an AAC packet, where a container cannot say that its end is padding


@dataclass(frozen=True)
class Row:
    """One thing looked at. state: ok, FAIL, or note where nothing can be judged; source, delivery: what each has;
    time: seconds of the picture where it is one place."""

    code: str
    state: str
    source: str
    delivery: str
    message: str = ""
    time: float | None = None


def same(code: str, source: object, delivery: object, good: bool | None = None, message: str = "") -> Row:
    """A row that is ok where both are the same, or where good says so."""
    fine = source == delivery if good is None else good
    return Row(code, OK if fine else FAIL, str(source), str(delivery), message)


def compare_headers(source: Reel, delivery: Reel, language: str | None = None) -> Iterator[Row]:
    """Rows for everything that headers tell. language: ISO 639-2/T that the dub must be tagged with."""
    yield from _pictures(source, delivery)
    yield from _colours(source, delivery)
    yield from _light(source, delivery)
    yield _siting(source, delivery)
    yield _last(source, delivery)
    yield from _sounds(source, delivery, language)
    yield same("SUBTITLES", _listed(source.subtitles), _listed(delivery.subtitles))
    yield _chapters(source, delivery)


def _pictures(source: Reel, delivery: Reel) -> Iterator[Row]:
    yield same("WHOLE", "", "yes" if delivery.whole else "no", delivery.whole, "" if delivery.whole else "cut short")
    (width, height), shown = source.upright, delivery.upright
    padded = shown in {(width + dx, height + dy) for dx in (0, width % 2) for dy in (0, height % 2)}
    yield same("SIZE", _by(source.upright), _by(shown), padded)
    yield _rotation(source, delivery)
    yield same("ASPECT", source.aspect, _aspect(source, delivery))
    yield _rate(source, delivery)
    yield _scan(source, delivery)
    if source.timecode:
        yield same("TIMECODE", source.timecode, delivery.timecode or "none")
    deeper = "" if source.pixel_format == delivery.pixel_format else "another sampling or depth than the source"
    yield Row("FORMAT", NOTE if deeper else OK, source.pixel_format, delivery.pixel_format, deeper)
    yield Row("CODEC", NOTE, source.codec, delivery.codec)


def _rate(source: Reel, delivery: Reel) -> Row:
    """The mean rate that headers tell; of frames that come at uneven times it is what the container makes of them."""
    row = same("RATE", source.rate, delivery.rate, abs(delivery.rate / source.rate - 1) < Fraction(1, 2000))
    even = any(abs(rate - round(rate)) < Fraction(1, 100) for rate in (source.rate, source.rate * Fraction(1001, 1000)))
    return (
        row
        if (even and source.even) or row.state == OK
        else replace(row, state=NOTE, message="frames keep their own times")
    )


def _scan(source: Reel, delivery: Reel) -> Row:
    ours, theirs = ("interlaced" if reel.interlaced else "progressive" for reel in (source, delivery))
    row = same("SCAN", ours, theirs)
    return replace(row, state=NOTE, message="deinterlaced") if source.interlaced and not delivery.interlaced else row


def _aspect(source: Reel, delivery: Reel) -> Fraction:
    """Of a delivered pixel, in the source's orientation."""
    return delivery.aspect if (source.rotation - delivery.rotation) % 180 == 0 else 1 / delivery.aspect


def _rotation(source: Reel, delivery: Reel) -> Row:
    """Turned by its tag, or for good."""
    good = source.rotation == delivery.rotation or delivery.rotation == 0
    return same("ROTATION", source.rotation, delivery.rotation, good)


def _colours(source: Reel, delivery: Reel) -> Iterator[Row]:
    for (code, unsaid), one, other in zip(_UNSAID.items(), source.colour, delivery.colour, strict=True):
        if code == "RANGE":
            one, other = one or _USUAL_RANGE, other or _USUAL_RANGE
            yield same(code, one, other)
        elif one in unsaid:
            yield Row(code, OK, "not stated", str(other))
        else:
            yield same(code, one, other)
    pairs = zip(delivery.tagged, delivery.colour, _UNSAID.values(), strict=True)
    if any(said != is_ and said not in unsaid for said, is_, unsaid in pairs):
        message = "the delivered container tags its colours otherwise than its frames"
        yield Row("COLOUR", FAIL, "", f"{delivery.tagged} and {delivery.colour}", message)


def _light(source: Reel, delivery: Reel) -> Iterator[Row]:
    """What HDR says of its brightness (SMPTE ST 2086, CTA-861.3)."""
    one, other = (str(reel.light.display or "") for reel in (source, delivery))
    yield _kept("MASTERING", one, other)
    yield _kept("CONTENT_LIGHT", _levels(source), _levels(delivery))


def _levels(reel: Reel) -> str:
    most, mean = reel.light.levels or (0, 0)
    return f"MaxCLL {most}, MaxFALL {mean}" if reel.light.levels else ""


def _kept(code: str, source: str, delivery: str) -> Row:
    """A tag that is to be as it was, where there was one."""
    if not source:
        return Row(code, OK, "not stated", delivery or "not stated")
    return same(
        code, source, delivery or "not stated", message="" if delivery == source else "changed" if delivery else "lost"
    )


def _siting(source: Reel, delivery: Reel) -> Row:
    """Where shared chroma lies: 4:2:0 that says nothing has it on the left."""
    if "420" not in source.pixel_format or "420" not in delivery.pixel_format:
        return Row("CHROMA_SITING", NOTE, source.siting, delivery.siting, "not both are 4:2:0")
    return same("CHROMA_SITING", source.siting or _LEFT, delivery.siting or _LEFT)


def _last(source: Reel, delivery: Reel) -> Row:
    """How long the last frame is shown. Clocks of containers round, and edit lists end with the sound."""
    if source.last is None or delivery.last is None:
        return Row("LAST_DURATION", NOTE, _or_none(source.last), _or_none(delivery.last), "not stated")
    near = min(1 / source.rate / 2, max(3 * source.tick, 3 * delivery.tick, Fraction(3, 1000)))
    nominal = abs(source.last - 1 / source.rate) <= 1 / source.rate / 2 and abs(delivery.last - 1 / source.rate) <= near
    good = nominal or abs(source.last - delivery.last) <= near
    return same("LAST_DURATION", _s(source.last), _s(delivery.last), good)


def _or_none(seconds: Fraction | None) -> str:
    return "" if seconds is None else _s(seconds)


def dubs(source: Reel, delivery: Reel) -> list[Sound]:
    """The delivered sounds that are no copy of one of the source's."""
    known = {sound.digest for sound in source.sounds}
    return [sound for sound in delivery.sounds if sound.digest not in known]


def _sounds(source: Reel, delivery: Reel, language: str | None) -> Iterator[Row]:
    made = dubs(source, delivery)
    yield Row("TRACKS", *_carried(source, delivery, len(made)))
    if not made:
        yield Row("DUB", FAIL, "", "none", "every sound is a copy of the source's")
        return
    dub = made[0]
    yield Row("DUB", OK, "", f"sound {dub.index + 1}, {dub.codec}, {dub.channels} channels, {dub.language}")
    if language is not None:
        yield same("LANGUAGE", language, dub.language)
    elif dub.language == "und":
        yield Row("LANGUAGE", FAIL, "", "und", "the dub names no language")
    frame = 1 / delivery.rate
    early = delivery.start - dub.start
    yield Row(
        "SOUND_START",
        OK if abs(early) <= frame or dub.start == 0 else FAIL,
        _s(delivery.start),
        _s(dub.start),
        _late(-early, frame),
    )
    if dub.seconds is not None and delivery.seconds is not None:
        longer = dub.start + dub.seconds - delivery.start - delivery.seconds
        state = OK if abs(longer) <= max(frame / 2, _PADDING) else FAIL
        yield Row("SOUND_LENGTH", state, _s(delivery.seconds), _s(dub.seconds), _beside(longer))


def _carried(source: Reel, delivery: Reel, made: int) -> tuple[str, str, str, str]:
    """State, both counts, and what is missing: a dub may replace one sound, no more."""
    kept = {sound.digest for sound in delivery.sounds}
    gone = [sound for sound in source.sounds if sound.digest not in kept]
    replaced = len(gone) <= 1 or len(delivery.sounds) > len(source.sounds)
    names = ", ".join(f"{sound.index + 1} ({sound.codec}, {sound.language})" for sound in gone)
    message = f"not carried as they are: {names}" if gone else ""
    state = (OK if len(gone) <= 1 else NOTE) if replaced else FAIL
    return state, f"{len(source.sounds)} sounds", f"{len(delivery.sounds)} sounds, {made} new", message


def _chapters(source: Reel, delivery: Reel) -> Row:
    good = len(source.chapters) == len(delivery.chapters) and all(
        one[2] == other[2] and abs(one[0] - other[0]) < Fraction(1, 100)
        for one, other in zip(source.chapters, delivery.chapters, strict=True)
    )
    return same("CHAPTERS", len(source.chapters), len(delivery.chapters), good)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _s(seconds: Fraction) -> str:
    return f"{float(seconds):.6f} s"


def _late(late: Fraction, frame: Fraction) -> str:
    return "" if abs(late) <= frame else f"the dub's track starts {float(late) * 1000:.1f} ms after the picture"


def _beside(longer: Fraction) -> str:
    return f"the dub ends {float(longer) * 1000:+.1f} ms from the picture's end" if longer else ""
