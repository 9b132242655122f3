"""A generator learns from films as it does from synthetic people: shots become pairs, by what the face mesh sees."""

import json
from pathlib import Path

import numpy as np
import pytest

from emodiff_core.audio import SILENCE
from emodiff_core.flame import load_builtin
from emodiff_core.quality.pixels import psnr
from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.story import Scripted, film
from emodiff_core.training import films
from emodiff_core.training.commands import PLANS, Material, train_generator
from emodiff_core.training.pairs import eyes_of
from emodiff_core.training.shards import draw, number_of, shards
from infra.models import model_path
from tests.scenes import write_film

MODELS = model_path("face_landmark_attention").parent
SCRIPT = (Scripted((0,), 1.6, close=0.4), Scripted((), 0.8), Scripted((1,), 1.4, close=0.4))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films of two people in a folder, one of them damaged, and the shards made of them."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "films" / "one").mkdir(parents=True)
    shown = film((person(1, "validation"), person(2, "validation")), load_builtin(), (360, 640), 12, SCRIPT)
    write_film(folder / "films" / "one" / "film.mp4", shown)
    (folder / "films" / "bent.mkv").write_bytes(b"\x1aE\xdf\xa3" + bytes(400))
    said: list[str] = []
    assert films.build(folder / "pairs", folder / "films", load_builtin(), eyes_of(MODELS), said.append) == 2
    assert "bent.mkv: CORRUPT_MEDIA: " in said[0] and "film.mp4: 2 shots" in said[1]
    return folder


def made(place: Path) -> list[Path]:
    return [shard for part in (place / "pairs").iterdir() for shard in shards(part)]


def test_each_shot_with_a_face_is_a_shard_and_nothing_is_made_twice(place: Path) -> None:
    found = made(place)
    assert len(found) == 2 and {number_of(shard) for shard in found} == {None}
    assert all(json.loads((shard / "shard.json").read_text())["footage"] for shard in found)
    said: list[str] = []
    assert films.build(place / "pairs", place / "films", load_builtin(), eyes_of(MODELS), said.append) == 0
    assert [line.split(":")[0] for line in said] == ["bent.mkv"], "a film that was gone through is not read again"


def test_the_guide_comes_nearer_to_the_frames_than_the_picture_and_hears_their_sound(place: Path) -> None:
    for shard in made(place):
        windows, rest = np.load(shard / "windows.npy") / np.float32(255), np.load(shard / "rest.npz")
        assert len(windows) >= films.FEWEST - 1
        truth, guide = windows[:, 0, :3], windows[:, 0, 3:6]
        held = np.broadcast_to(rest["identity"][0] / np.float32(255), truth.shape)
        near, far = (psnr(one.transpose(0, 2, 3, 1), truth.transpose(0, 2, 3, 1)) for one in (guide, held))
        assert near > 24 and near > far, (near, far)
        assert rest["tokens"].max() > SILENCE + 1
    batch = draw(made(place), 8, 0, 0, 64)
    assert batch.truth.shape == (8, 3, 64, 64)


def test_a_generator_is_trained_on_films_and_its_card_says_so(place: Path, tmp_path: Path) -> None:
    material = Material(tmp_path / "pairs", MODELS, films=place / "films")
    said: list[str] = []
    done = train_generator(PLANS["tiny"], material, tmp_path / "run", None, say=said.append)
    assert done["step"] == PLANS["tiny"].steps
    card = " ".join((tmp_path / "run" / "weights" / "card.md").read_text("utf8").split())
    if any(number_of(shard) is None for shard in shards(tmp_path / "pairs" / "train")):
        assert "2 shots of real films" in card and "--footage FILMS" in card
        assert "No picture of a real person was used" not in card and "It learned from 2 shots of films" in card
    else:
        assert "1 synthetic ones," in card and "No picture of a real person was used" in card, (
            "this film's digest keeps it for validation"
        )


def test_the_papers_form_and_an_empty_folder_are_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="synthetic people alone"):
        train_generator(PLANS["paper-demo"], Material(tmp_path / "h", MODELS, films=place / "films"), tmp_path, None)
    with pytest.raises(Refusal, match="no film in") as refused:
        films.build(tmp_path / "pairs", tmp_path / "nothing", load_builtin(), eyes_of(MODELS))
    assert refused.value.code == "NO_FILMS"
