"""A server on this machine, and what it publishes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from downloads import CONTENT
from mirror import build, mirrored
from server import Served, Server, running_server

from sjft.fetch import download


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    with running_server() as running:
        yield running


@pytest.fixture
def indoor(server: Server, tmp_path: Path) -> dict[str, Any]:
    build("indoor67", tmp_path / "published")
    return mirrored("indoor67", tmp_path / "published", server)


@pytest.fixture
def file(server: Server) -> Served:
    return server.add("a.tar", CONTENT)
