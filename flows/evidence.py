"""What a failed job shows in Prefect's UI: its findings as an artifact of the task run."""

import re
from hashlib import sha256

from prefect.artifacts import create_markdown_artifact

from tasks.route import JobOutcome


def show_findings(batch: str, outcome: JobOutcome) -> None:
    """An artifact with code, sentence, remedy and findings, and where the report is."""
    create_markdown_artifact(key=artifact_key(batch, outcome.job_id), markdown=findings_text(batch, outcome))


def artifact_key(batch: str, job_id: str) -> str:
    """A key as Prefect wants it, lower-case and short; the digest keeps two names apart that then look alike."""
    name = f"{batch}-{job_id}"
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    return f"findings-{slug}-{sha256(name.encode()).hexdigest()[:8]}"


def findings_text(batch: str, outcome: JobOutcome) -> str:
    """The findings in Markdown; what was written by others is quoted, so that it cannot be a link or a heading."""
    rows = [f"- {one['level']} `{_plain(one['code'])}`: `{_plain(one['message'])}`" for one in outcome.findings]
    report = f"The report is `batches/{batch}/report.html` under the batch's root."
    head = [f"# {_plain(outcome.code)}", f"`{_plain(outcome.message)}`", _plain(outcome.hint), report]
    return "\n\n".join(head) + "\n\n" + "\n".join(rows)


def _plain(text: str) -> str:
    return str(text).replace("`", "'").replace("\n", " ")
