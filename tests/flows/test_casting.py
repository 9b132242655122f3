"""`emodiff plan --people`: who is in the footage of a sheet, before and after it was cropped."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from emodiff_core.flame import load_builtin
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.story import Scripted, film
from flows.cli import app
from infra.fingerprint import Digests
from infra.settings import Settings
from tasks.address import Addresses, ground
from tasks.catalog import STAGES
from tasks.execute import Bench
from tasks.files import digest_files, files_of
from tasks.sheet import read_sheet
from tests.poison import write_wav
from tests.scenes import write_film

SCRIPT = (Scripted((1,), 0.8), Scripted((0, 1), 1.6, close=0.36))


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two jobs of one film of two people, the left of whom speaks; one of a film that is none."""
    folder = tmp_path_factory.mktemp("sheet")
    people = (person(1, "validation"), person(2, "validation"))
    write_film(folder / "film.mp4", film(people, load_builtin(), (216, 384), 12, SCRIPT))
    (folder / "broken.mp4").write_bytes((folder / "film.mp4").read_bytes()[:500])
    write_wav(folder / "dub.wav", np.full(9000, 0.1))
    base = {"speech": "dub.wav", "language": "en", "picture": "film.mp4"}
    rows = [base | {"job_id": "a"}, base | {"job_id": "b", "face": "track:1"}]
    rows.append(base | {"job_id": "c", "picture": "broken.mp4"})
    path = folder / "sheet.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def planned(sheet: Path, folder: Path) -> dict:
    words = ["plan", sheet, "--root", sheet.parent / "root", "--batch", "night", "--people", folder, "--json"]
    return json.loads(CliRunner().invoke(app, [*map(str, words)]).stdout)


def test_a_plan_tells_the_people_of_footage_and_shows_their_faces(sheet: Path, tmp_path: Path) -> None:
    good, broken = planned(sheet, tmp_path)["footage"]
    assert good["jobs"] == ["a", "b"] and [one["face"] for one in good["people"]] == ["track:0", "track:1"]
    (talks,) = (one for one in good["people"] if one["talks"])
    assert good["auto"] == talks["face"] and float(talks["point"].split(",")[0]) < 384 / 2
    both = max(one["share"] for one in good["people"])
    assert both > 0.9 and 0.4 < talks["share"] < both, "the listener is in both shots"
    assert Image.open(good["sheet"]).size == (2 * 192, 192 + 44)
    assert broken["people"] == [] and "sheet" not in broken and broken["error"].split(":")[0].isupper()


def test_what_crop_found_is_told_again(sheet: Path, tmp_path: Path) -> None:
    before = planned(sheet, tmp_path / "before")["footage"]
    settings, digests, root = Settings(), Digests(), str(sheet.parent / "root")
    (job, *_) = read_sheet(str(sheet), settings)
    files = files_of(job, str(sheet.parent))
    addresses = Addresses(
        ground("night", settings, STAGES, digests), job, files, digest_files(files, digests, settings)
    )
    assert Bench(root, settings, STAGES).run(addresses.work("crop", {})[0]).ok
    document = planned(sheet, tmp_path / "after")
    assert document["stages"]["crop"]["reuse"] == 1
    for one, other in zip(before, document["footage"], strict=True):
        assert one["people"] == other["people"]
    first, second = (Path(found[0]["sheet"]).read_bytes() for found in (before, document["footage"]))
    assert first == second
