"""What a span hears: enough that its face is the whole track's, and so little that a changed line touches few spans."""

from functools import cache
from pathlib import Path

import numpy as np

from emodiff_core.audio import RATE, ROWS, SILENCE, log_mel, read_sound, speech_activity
from emodiff_core.emotion import cue_weights, load_builtin_emotion
from emodiff_core.generator.conditions import audio_tokens
from emodiff_core.synthetic.motion import LAST_S
from infra.settings import Settings
from tasks.audio import Audio
from tasks.hearing import CONTEXT, Sound, digests, heard, rows_around
from tasks.stage import Item, Span
from tests.tasks.artifacts import JOB
from tests.voice import say

FRAMES_A_SPAN = 100


@cache
def samples() -> np.ndarray:
    """Fourteen seconds of German, English and Spanish."""
    files = [Path(f"examples/speech/premiere-{language}.flac") for language in ("de", "en", "es")]
    return np.concatenate([np.asarray(read_sound(file, RATE, 1))[:, 0] for file in files])


def features_of(sound: np.ndarray) -> dict[str, np.ndarray]:
    return {"mel": log_mel(sound), "activity": speech_activity(sound)}


@cache
def features() -> dict[str, np.ndarray]:
    return features_of(samples())


def hears(sound: dict[str, np.ndarray], clock: np.ndarray, span: Span) -> str:
    return heard(digests(sound), len(sound["mel"]), clock, span)


def times() -> np.ndarray:
    return np.arange(0, len(features()["mel"]) / ROWS - 0.04, 1 / 25)


def spans() -> list[Span]:
    starts = range(0, len(times()), FRAMES_A_SPAN)
    return [Span(k, start, min(len(times()), start + FRAMES_A_SPAN)) for k, start in enumerate(starts)]


def test_faces_made_span_by_span_are_those_of_the_whole_track() -> None:
    sound, model = features(), load_builtin_emotion()
    weights = cue_weights(times(), "happy", 1.0)
    whole = model.trajectory(sound["mel"], sound["activity"], times(), weights).total
    parts = []
    for span in spans():
        rows, near = slice(span.start, span.end), rows_around(times(), span, len(sound["mel"]))
        clock = times()[rows] - near.start / ROWS
        part = (sound["mel"][near], sound["activity"][near], clock, weights[rows])
        parts.append(model.trajectory(*part, first=near.start).total)
    assert len(parts) > 3 and np.abs(np.concatenate(parts) - whole).max() < 0.004


def test_a_changed_line_is_heard_by_the_spans_around_it_alone() -> None:
    before = [hears(features(), times(), span) for span in spans()]
    retaken = samples().copy()
    retaken[: RATE // 2] = 0.8 * retaken[RATE : RATE + RATE // 2]
    changed = features_of(retaken)
    after = [hears(changed, times(), span) for span in spans()]
    touched = [span.index for span in spans() if before[span.index] != after[span.index]]
    near = [span.index for span in spans() if times()[span.start] * ROWS - CONTEXT < 3.5 * ROWS]
    assert touched and set(touched) <= set(near) and len(near) < len(spans()) - 1


def test_a_longer_track_is_heard_as_another_only_where_a_head_comes_to_rest() -> None:
    longer = np.append(times(), times()[-1] + 0.04 * np.arange(1, 300))
    touched = [span.index for span in spans() if hears(features(), times(), span) != hears(features(), longer, span)]
    near = [span.index for span in spans() if times()[span.end - 1] >= times()[-1] - LAST_S]
    assert touched == near and near and len(near) < len(spans()) - 1


def test_a_line_spoken_on_at_the_end_is_heard_by_the_last_spans_alone() -> None:
    short = features_of(samples()[: 10 * RATE])
    clock = np.arange(0, 10 - 0.04, 1 / 25)
    early = [span for span in spans() if times()[span.end - 1] < 10 - LAST_S]
    assert early and all(hears(short, clock, span) == hears(features(), times(), span) for span in early)


def test_footage_that_goes_on_after_its_speech_hears_silence() -> None:
    clock = np.arange(1000) / 25
    assert rows_around(clock, Span(9, 900, 1000), 500) == slice(500, 500)


def test_spans_that_outlast_the_speech_hear_silence(tmp_path: Path) -> None:
    """Footage is longer than its dub: the mouth of the original goes on, and is rendered closed."""
    stage, speech = Audio(), say(tmp_path / "line.wav", "Good night")
    stage.setup(Settings())
    (tmp_path / "audio").mkdir()
    stage.run(Item(JOB, {"speech": speech}, tmp_path / "audio", Settings()))
    sound, clock = Sound(tmp_path / "audio"), np.arange(0, 20, 1 / 25)
    ends = round(sound.count / ROWS * 25)
    model, weights = load_builtin_emotion(), cue_weights(clock, "neutral", 1.0)
    for start in (0, ends - 5, ends, ends + 3 * 25 - 1, ends + 3 * 25, ends + 3 * 25 + 1, 400):
        span = Span(0, start, start + 50)
        rows = rows_around(clock, span, sound.count)
        mel, activity = sound.rows("mel", rows), sound.rows("activity", rows)
        assert mel.shape == (rows.stop - rows.start, 80) and activity.shape == (len(mel),)
        near = clock[start : start + 50]
        path = model.trajectory(mel, activity, near - rows.start / ROWS, weights[start : start + 50], first=rows.start)
        past = near > sound.count / ROWS + 0.5
        assert path.speech.shape == (50, 53) and (path.speech[past].max(initial=0) < 0.01)
        tokens = audio_tokens(mel, near, rows.start)
        assert (tokens[past] == SILENCE).all() and (start or (tokens != SILENCE).any())
    everything = sound.rows("mel")
    assert np.array_equal(np.concatenate(list(sound.chunks("mel", 37))), everything)
    assert len(everything) == sound.count and np.array_equal(everything[-3:], sound.rows("mel", slice(-3, None)))
