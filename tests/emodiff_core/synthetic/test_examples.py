from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from emodiff_core.audio.loudness import measure_levels
from emodiff_core.synthetic.corpus import VARIANTS
from emodiff_core.synthetic.examples import EXAMPLES, write

FOLDER = Path(__file__).parents[3] / "examples" / "speech"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.flac")), ids=lambda p: p.stem)
def test_the_committed_files_are_level_small_and_hold_a_pause(path):
    sound, rate = soundfile.read(path, dtype="float32")
    levels = measure_levels([resample_poly(sound, 48000 // 150, rate // 150).astype(np.float32)[:, None]])
    assert path.stat().st_size < 150_000 and rate == 22050 and 3 <= len(sound) / rate <= 5.5
    assert abs(levels.loudness + 20) < 0.5 and levels.peak < -1
    quiet = np.abs(sound) < 1e-3
    assert quiet[: round(0.29 * rate)].all() and quiet[-round(0.29 * rate) :].all()
    middle = np.flatnonzero(~quiet)
    assert np.diff(middle).max() / rate >= 0.5


def test_there_are_five_languages_by_voices_that_no_model_was_trained_on():
    assert len({e.language for e in EXAMPLES}) == len(list(FOLDER.glob("*.flac"))) == 5
    assert all(e.variant in VARIANTS["held_out"] for e in EXAMPLES)


def test_the_script_makes_the_committed_files_again(tmp_path):
    for path in write(tmp_path):
        ours, theirs = (soundfile.read(p, dtype="int16")[0] for p in (path, FOLDER / path.name))
        assert len(ours) == len(theirs) and np.abs(ours.astype(int) - theirs).max() <= 1
