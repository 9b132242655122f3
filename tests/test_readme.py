"""README says what the code says."""

from pathlib import Path

from tasks.sheet import documentation, read_sheet

ROOT = Path(__file__).parents[1]


def test_readme_holds_the_table_of_columns_that_the_job_model_makes():
    assert documentation().strip() in (ROOT / "README.md").read_text()


def test_the_demo_sheet_is_well_formed_and_its_files_are_there():
    jobs = read_sheet(ROOT / "examples" / "demo.csv")
    assert len(jobs) >= 8
    assert len({job.language for job in jobs}) >= 3
    for job in jobs:
        for name in (job.picture, job.speech, job.cues):
            assert name is None or name.startswith("package:") or (ROOT / "examples" / name).is_file()
