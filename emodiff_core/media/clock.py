"""The two clocks: pictures at rational times, sound in whole samples, and the one rounding between them."""

from fractions import Fraction


def frames_for(samples: int, sample_rate: int, rate: Fraction) -> int:
    """Pictures at `rate` a second that cover `samples` of sound: the last sound lies in the last picture."""
    return -((-samples * rate.numerator) // (sample_rate * rate.denominator))


def samples_for(seconds: Fraction, sample_rate: int) -> int:
    """Whole samples nearest to an exact time; off by half a sample at most, halves go up."""
    return (2 * seconds.numerator * sample_rate + seconds.denominator) // (2 * seconds.denominator)


def frame_times(count: int, rate: Fraction) -> list[Fraction]:
    """Exact seconds of pictures 0 to count - 1 at a constant rate."""
    return [k / rate for k in range(count)]
