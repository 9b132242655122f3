"""The report page."""
from infra.storage import Store


def write_report(store: Store, batch: str) -> str:
    """Write it; returns its key."""
    key = f"batches/{batch}/report.html"
    store.write(key, b"")
    return key
