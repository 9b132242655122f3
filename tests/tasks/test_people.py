"""A film of two people, one of whom speaks: shots without a face, a turn to profile, a hand over the mouth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emodiff_core.faces.choose import FaceModels
from emodiff_core.flame import load_builtin
from emodiff_core.media import Limits
from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.story import film
from infra.models import model_path
from tasks.needs import needs
from tasks.people import DISSOLVE, NO_FACE, chosen, heard, people_of, reasons_of, sight
from tasks.places import crops_of
from tasks.spans import plan_spans, with_work
from tasks.survey import MOUTH_HIDDEN, survey
from tests.scenes import write_film

SIZE, RATE = (216, 384), 12


class Watched:
    """The film, what was found in it, and the truth."""

    def __init__(self, folder: Path) -> None:
        self.film = film((person(1, "validation"), person(2, "validation")), load_builtin(), SIZE, RATE)
        path = write_film(folder / "film.mp4", self.film)
        models = FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))
        self.found = survey(path, Limits(), models, 48, RATE, folder)
        self.speech = heard(path, self.found.times)
        self.people = people_of(self.found, self.speech)
        self.there = np.array([0 in who for who in self.film.who])
        self.turned = np.degrees(np.abs(self.film.turned))

    def truth(self, frame: int, who: int) -> np.ndarray:
        """The middle of a person's face in a frame."""
        return self.film.scene.points[frame][self.film.who[frame].index(who)][:, :2].mean(0)

    def number_of(self, who: int) -> int:
        """The number under which a person of the film was found, by where it is in the two-shot."""
        frame = self.film.scene.cuts[1] + 4
        near = {}
        for one, number in zip(self.found.seen, self.found.people, strict=True):
            if one.first <= frame < one.end:
                x, y, w, h = one.boxes[frame - one.first]
                near[number] = float(np.linalg.norm(self.truth(frame, who) - (x + w / 2, y + h / 2)))
        return min(near, key=lambda number: near[number])


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    return Watched(tmp_path_factory.mktemp("film"))


def test_the_film_is_cut_where_it_was_cut(watched: Watched) -> None:
    assert tuple(np.flatnonzero(np.diff(watched.found.shots)) + 1) == watched.film.scene.cuts


def test_there_are_two_people_and_each_is_the_same_in_every_shot(watched: Watched) -> None:
    assert len(watched.people) == 2
    for who in (0, 1):
        seen, _, _ = sight(watched.found, watched.number_of(who))
        there = np.array([who in names for names in watched.film.who])
        frontal = there & (watched.turned < 45)
        assert seen[frontal].mean() > 0.95 and not seen[~there].any()


def test_auto_takes_the_one_who_speaks_and_a_point_a_number_or_the_size_take_another(watched: Watched) -> None:
    speaker, listener = watched.number_of(0), watched.number_of(1)
    assert chosen(watched.found, watched.people, "auto").number == speaker
    assert chosen(watched.found, watched.people, f"track:{listener}").number == listener
    assert chosen(watched.found, watched.people, "largest").number == speaker
    frame = watched.film.scene.cuts[0] + 2
    x, y = watched.truth(frame, 1)
    assert chosen(watched.found, watched.people, f"{x:.0f},{y:.0f}").number in (speaker, listener)
    for face, code in (("2,2", "NO_FACE_AT_POINT"), ("track:9", "NO_SUCH_TRACK")):
        with pytest.raises(Refusal, match="track:0 at ") as refusal:
            chosen(watched.found, watched.people, face)
        assert refusal.value.code == code


def test_what_cannot_be_rendered_says_why_and_the_rest_is(watched: Watched) -> None:
    reasons = np.array(reasons_of(watched.found, watched.number_of(0), watched.speech), dtype=object)
    assert set(reasons[~watched.there]) == {NO_FACE}
    assert None not in set(reasons[watched.there & (watched.turned > 68)])
    assert set(reasons[watched.film.hidden > 0.8]) == {MOUTH_HIDDEN}
    plain = watched.there & (watched.turned < 40) & (watched.film.hidden < 0.01)
    assert np.mean([reason is None for reason in reasons[plain]]) > 0.85


def test_mixtures_of_two_shots_keep_their_pixels(watched: Watched) -> None:
    mixed = np.arange(len(watched.found.times)) < 9
    reasons = reasons_of(replace(watched.found, mixed=mixed), watched.number_of(0), watched.speech)
    plain = reasons_of(watched.found, watched.number_of(0), watched.speech)
    assert set(reasons[:9]) == {DISSOLVE} and reasons[9:] == plain[9:] and DISSOLVE not in plain


def test_the_face_that_is_followed_is_the_speakers_and_the_crop_holds_it(watched: Watched) -> None:
    number = watched.number_of(0)
    reasons = reasons_of(watched.found, number, watched.speech)
    crops = crops_of(watched.found, number, reasons)
    assert len({(w, h) for _, _, w, h in crops.tolist()}) == 1
    assert (crops[:, 0] + crops[:, 2] <= SIZE[1]).all() and (crops[:, 1] + crops[:, 3] <= SIZE[0]).all()
    for one in watched.found.of(number):
        points = np.load(one.points)["points"][..., :2]
        for row, frame in enumerate(range(one.first, one.end)):
            if reasons[frame] is None:
                assert np.linalg.norm(points[row].mean(0) - watched.truth(frame, 0)) < 0.12 * one.boxes[row, 2]
                corner = crops[frame, :2]
                assert (points[row] > corner).all() and (points[row] < corner + crops[frame, 2:]).all()


def test_spans_are_made_only_where_the_speaker_is_to_be_rendered(watched: Watched) -> None:
    number = watched.number_of(0)
    fit = np.array([reason is None for reason in reasons_of(watched.found, number, watched.speech)])
    _, opening, _ = sight(watched.found, number)
    dub = np.zeros(1300, np.float32)
    dub[300:560] = 1  # over the listener's shot and the two-shot
    asked = needs(watched.found.times, watched.found.shots, fit, opening, dub)
    spans = with_work(plan_spans(watched.found.times, dub, 4.0, watched.found.shots), asked.rendered)
    rendered = np.concatenate([np.arange(span.start, span.end) for span in spans])
    assert not asked.rendered[~watched.there].any()
    assert not set(watched.found.shots[rendered]) & {1, 3}, "a span in a shot without the speaker"
    assert asked.kind[int(4.6 * RATE)] == "speech"


def test_a_point_may_say_when_it_is_meant(watched: Watched) -> None:
    """Where the listener's face was alone, the speaker's is some shots later."""
    frame = watched.film.scene.cuts[0] + 2
    x, y = watched.truth(frame, 1)
    late = watched.found.times[frame]
    assert chosen(watched.found, watched.people, f"{x:.0f},{y:.0f}@{late:.2f}").number == watched.number_of(1)
    with pytest.raises(Refusal, match="never a face"):
        chosen(watched.found, watched.people, f"{x:.0f},{y:.0f}@999")
