"""Sheets that arrived: which files are sheets, and what their batches are called."""

from flows.inbox import sheets_in
from infra.settings import Settings


def test_sheets_are_found_in_a_folder_or_a_bucket_and_named(store) -> None:
    for key in (
        "monday.csv",
        "Tuesday night.jsonl",
        "both.csv",
        "both.parquet",
        "casablanca/sheet.csv",
        "casablanca/cues/joy.csv",
        "casablanca/face.png",
        "notes.txt",
        ".hidden.csv",
    ):
        store.write(f"inbox/{key}", b"x")
    settings = Settings(storage=store.options)
    found = sheets_in(store.address("inbox"), settings)
    names = {one.address.removeprefix(store.address("inbox") + "/"): one.batch for one in found}
    assert names == {
        "monday.csv": "monday",
        "Tuesday night.jsonl": "Tuesday-night",
        "both.csv": "both-csv",
        "both.parquet": "both-parquet",
        "casablanca/sheet.csv": "casablanca",
    }


def test_an_empty_inbox_holds_no_sheets(store) -> None:
    assert sheets_in(store.address("inbox"), Settings(storage=store.options)) == []
