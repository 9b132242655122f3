"""Rooms, microphones, lines and throats: what makes clean synthetic speech as various as recordings of people."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.signal import butter, fftconvolve, istft, sosfilt, stft

Floats = NDArray[np.float32]

RATE = 16000


def recorded(samples: Floats, random: np.random.Generator, babble: Floats | None = None) -> Floats:
    """The samples (n,) at 16 kHz as a random microphone in a random room would have them; length and timing are kept.

    babble: other people's speech (any length) for some of the backgrounds.
    """
    out = samples.astype(np.float64)
    if random.random() < 0.5:
        out = breathy(out, random.uniform(0.1, 0.8), random)
    if random.random() < 0.5:
        out = wavering(out, random)
    if random.random() < 0.7:
        out = equalised(out, random.uniform(3, 12), random)
    if random.random() < 0.5:
        out = in_room(out, random.uniform(0.12, 0.8), random.uniform(0.05, 0.6), random)
    if random.random() < 0.12:
        out = sosfilt(butter(4, [300, 3400], "bandpass", fs=RATE, output="sos"), out)
    if random.random() < 0.2:
        peak = np.abs(out).max() + 1e-9
        out = np.tanh(out / peak * random.uniform(1, 4))
    out = levelled(out, random.uniform(-38, -14))
    if random.random() < 0.75:
        out = out + noise(len(out), random.uniform(-75, -38), random)
    if babble is not None and len(babble) and random.random() < 0.2:
        out = out + levelled(np.resize(babble, len(out)), random.uniform(-60, -42))
    return np.clip(out, -1, 1).astype(np.float32)


def breathy(samples: NDArray[np.float64], share: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Part of the voice replaced by breath of the same spectrum: harmonics that are never perfectly steady."""
    _, _, spectrum = stft(samples, RATE, nperseg=384, noverlap=192)
    turned = np.abs(spectrum) * np.exp(2j * np.pi * random.random(spectrum.shape))
    _, breath = istft(turned, RATE, nperseg=384, noverlap=192)
    breath = np.resize(breath, len(samples)) if len(breath) < len(samples) else breath[: len(samples)]
    return np.asarray((1 - share) * samples + 1.5 * share * breath)


def wavering(samples: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Pitch and loudness that drift by a few per cent; times move by less than 6 ms."""
    count = len(samples)
    knots = np.arange(0, count + RATE // 8, RATE // 8)
    shift = np.interp(np.arange(count), knots, random.normal(0, 0.003 * RATE, len(knots)).clip(-90, 90))
    gain = 10 ** (np.interp(np.arange(count), knots, random.normal(0, 1.5, len(knots))) / 20)
    return np.asarray(np.interp(np.arange(count) + shift, np.arange(count), samples) * gain)


def equalised(samples: NDArray[np.float64], strength: float, random: np.random.Generator) -> NDArray[np.float64]:
    """A smooth random frequency response within about +-`strength` dB, tilt included."""
    fast = next_fast_len(len(samples), real=True)
    spectrum = np.fft.rfft(samples, fast)
    position = np.linspace(0, 1, len(spectrum)) ** 0.5
    knots = np.linspace(0, 1, 9)
    curve = np.interp(position, knots, random.normal(0, strength / 2, 9))
    curve += random.normal(0, strength / 2) * (position - 0.5)
    return np.fft.irfft(spectrum * 10 ** (curve / 20), fast)[: len(samples)]


def in_room(
    samples: NDArray[np.float64], seconds: float, wet: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Reverberation that falls by 60 dB within `seconds`; `wet`: its energy over the direct sound's."""
    time = np.arange(int(seconds * RATE)) / RATE
    tail = random.normal(size=len(time)) * 10 ** (-3 * time / seconds)
    tail[: int(random.uniform(0.002, 0.012) * RATE)] = 0
    tail *= np.sqrt(wet / (np.square(tail).sum() + 1e-9))
    return np.asarray(samples + fftconvolve(samples, tail)[: len(samples)])


def noise(count: int, level: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Coloured noise, white to brown, at `level` dBFS."""
    fast = next_fast_len(count, real=True)
    spectrum = np.fft.rfft(random.normal(size=fast))
    colour = random.uniform(0, 1)
    spectrum *= np.maximum(np.arange(len(spectrum)), len(spectrum) * 0.003) ** -colour
    sound = np.fft.irfft(spectrum, fast)[:count]
    return np.asarray(sound * 10 ** (level / 20) / (np.sqrt(np.square(sound).mean()) + 1e-12))


def levelled(samples: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Speech at `level` dBFS, measured over its loud parts."""
    power = np.square(np.resize(samples, -(-len(samples) // 400) * 400)).reshape(-1, 400).mean(1)
    loud = np.sqrt(np.mean(power[power >= np.median(power)])) if len(power) else 0.0
    return np.asarray(samples * 10 ** (level / 20) / (loud + 1e-9)) if loud > 1e-6 else samples
