"""Places to store: a folder, and a real S3 endpoint; and what all tests share."""

import uuid
from collections.abc import Iterator

import boto3
import pytest
from hypothesis import settings as hypothesis_settings
from moto.server import ThreadedMotoServer

from infra.settings import Settings
from infra.storage import Store, open_store

# Machines are shared: a law that holds slowly still holds.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Address of an S3 server on this machine."""
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    patch.undo()


@pytest.fixture
def bucket(endpoint: str) -> str:
    """A new, empty bucket."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket=name)
    return name


@pytest.fixture
def remote(endpoint, bucket, tmp_path) -> Store:
    """A store in a bucket."""
    settings = Settings(storage={"endpoint": endpoint, "cache": str(tmp_path / "cache")})
    return open_store(f"s3://{bucket}/root", settings)


@pytest.fixture
def local(tmp_path) -> Store:
    """A store in a folder."""
    return open_store(tmp_path / "root")


@pytest.fixture(params=["local", "remote"])
def store(request) -> Store:
    """Each kind of store in turn: they make the same promises."""
    return request.getfixturevalue(request.param)
