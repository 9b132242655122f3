"""Audio: the dubbed dialogue decoded, measured, and turned into features that know nothing of the picture."""

import json
import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from emodiff_core.audio import (
    RATE,
    Levels,
    Sound,
    Written,
    log_mel,
    measure_levels,
    probe_sound,
    read_sound,
    read_wav,
    speech_activity,
    stream_sound,
    write_wav,
)
from emodiff_core.audio.decode import empty
from emodiff_core.refusal import Refusal
from infra.errors import SetupError
from infra.settings import Settings
from tasks.hearing import FEATURES, HEARD, digests
from tasks.stage import Finding, Item, Result

Floats = NDArray[np.float32]

SPEECH_RATE = 48000
"""Samples a second of `speech.wav` and of every deliverable."""
_SPOKEN = 0.5


class Audio:
    """Speech -> `speech.wav` (48 kHz, 16 bit, 1 or 2 channels), `features.safetensors`, `heard.safetensors`,
    `audio.json`.

    features: `mel` (M, 80) and `activity` (M,) float32, 100 rows a second, row k centred on k/100 s of speech.wav;
    `features` (M, its width) float16 too where settings.audio.features names a speech model. heard: what a driver needs
    of them, `activity` and `seconds`, see `tasks.hearing.digests`.
    """

    name: ClassVar[str] = "audio"
    version: ClassVar[str] = "4"

    def setup(self, settings: Settings) -> None:
        """Load the speech model, if one is asked for. Raises SetupError MODEL_MISSING."""
        self._model = None if settings.audio.features == "log-mel" else _speech_model(settings.audio.features)

    def run(self, item: Item) -> Result:
        """Fill item.out. Raises Refusal AUDIO_EMPTY, AUDIO_TOO_SHORT, AUDIO_SILENT, AUDIO_TOO_LONG, NO_AUDIO_STREAM,
        CORRUPT_MEDIA, MISSING_CODEC and what is wrong with the file itself."""
        source, longest = item.inputs["speech"], item.settings.media.max_seconds
        sound = probe_sound(source, longest)
        speech = item.out / "speech.wav"
        written = write_wav(speech, lambda: stream_sound(source, SPEECH_RATE, max_seconds=longest), SPEECH_RATE)
        _refuse_unusable(source, written, item.settings)
        levels = measure_levels(read_wav(speech))
        activity = self._features(speech, item.out)
        facts = _facts(sound, written, levels, activity)
        facts["features_sha256"] = self._model.digest if self._model else ""
        (item.out / "audio.json").write_text(json.dumps(facts, indent=1) + "\n")
        return Result(_findings(written, activity), {"seconds": facts["seconds"], "spoken": facts["spoken"]})

    def _features(self, speech: Path, out: Path) -> Floats:
        samples = np.ascontiguousarray(read_sound(speech, RATE, 1)[:, 0])
        tensors = {"activity": speech_activity(samples), "mel": log_mel(samples)}
        if self._model is not None:
            tensors["features"] = self._model.rows(samples).astype(np.float16)
        del samples  # Hours of sound and the file's copy of their features need not be in memory together.
        save_file({"activity": tensors["activity"], "seconds": digests(tensors)}, out / HEARD)
        save_file(tensors, out / FEATURES)
        return tensors["activity"]


def _speech_model(name: str) -> Any:
    # Imported here: torch and transformers cost seconds that log-mel alone does not need.
    from emodiff_core.audio.speech_model import SpeechModel

    try:
        return SpeechModel(name)
    except OSError as error:
        hint = "Name a folder with a saved wav2vec 2.0 or HuBERT model, or use log-mel"
        raise SetupError("MODEL_MISSING", f"The speech model {name} cannot be loaded: {error}", hint) from error


def _refuse_unusable(source: Path, written: Written, settings: Settings) -> None:
    seconds, silence = written.samples / SPEECH_RATE, settings.audio.silence_dbfs
    if not written.samples:
        raise empty(source)
    if seconds < settings.audio.min_seconds:
        message = f"{source.name} lasts {seconds * 1000:.0f} ms; at least {settings.audio.min_seconds * 1000:.0f} ms"
        raise Refusal("AUDIO_TOO_SHORT", message, "deliver the whole recording")
    if written.peak <= 10 ** (silence / 20):
        message = f"{source.name} holds nothing above {silence:g} dBFS"
        raise Refusal("AUDIO_SILENT", message, "deliver a recording with speech; was the track muted on export?")


def _facts(sound: Sound, written: Written, levels: Levels, activity: Floats) -> dict[str, Any]:
    """seconds is exactly samples / 48000; loudness null where nothing passes the gate of BS.1770."""
    return {
        "seconds": written.samples / SPEECH_RATE,
        "samples": written.samples,
        "channels": written.channels,
        "source_container": sound.container,
        "source_codec": sound.codec,
        "source_sample_rate": sound.sample_rate,
        "source_channels": sound.channels,
        "loudness_lufs": round(levels.loudness, 2) if math.isfinite(levels.loudness) else None,
        "peak_dbfs": round(levels.peak, 2),
        "gain_db": round(20 * math.log10(written.gain), 3),
        "spoken": round(float((activity > _SPOKEN).mean()), 4),
    }


def _findings(written: Written, activity: Floats) -> tuple[Finding, ...]:
    found = []
    if written.gain < 1:
        message = f"the downmix would clip; turned down by {-20 * math.log10(written.gain):.2f} dB"
        found.append(Finding("info", "TURNED_DOWN", message))
    if not (activity > _SPOKEN).any():
        found.append(Finding("warning", "NO_SPEECH", "no speech was heard in the track: the face will be at rest"))
    return tuple(found)
