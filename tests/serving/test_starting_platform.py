"""What a client of the platform gets while that has just started."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
import uvicorn

from slipway.adapters.platforms.local import platform as local
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.errors import NotFound, PlatformUnavailable
from slipway.serving.http.server import bind
from slipway.serving.platform.proxy.metrics import PlatformMetrics
from slipway.serving.platform.status_pages import StatusPages
from tests.fakes.memory_store import MemoryStore

MODEL = "delay"


@pytest.fixture
def pages() -> StatusPages:
    """Pages of a platform that has not read the store yet, and serves nothing."""
    return StatusPages({}, metrics=PlatformMetrics({}), look_now=lambda: None)


@pytest.fixture
def adapter(pages: StatusPages) -> Iterator[LocalPlatform]:
    """A client of these pages."""
    with _served(pages) as url:
        yield LocalPlatform(url, MemoryStore())


@contextmanager
def _served(pages: StatusPages) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(pages.app(_idle), log_level="error"))
    with bind("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def _idle(_app: object) -> AsyncIterator[None]:
    yield


def test_a_stage_waits_for_a_platform_that_has_just_started(
    pages: StatusPages, adapter: LocalPlatform
) -> None:
    """Status and requests get their answers once the store was read."""
    reads = threading.Timer(0.5, setattr, (pages, "has_looked", True))
    reads.start()
    assert adapter.served(MODEL) is None
    assert pages.has_looked
    with pytest.raises(NotFound):
        adapter.ask(MODEL, {})


def test_a_platform_without_its_store_is_waited_for_some_seconds(
    adapter: LocalPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what is missing, and not that nothing runs."""
    monkeypatch.setattr(local, "STARTS_WITHIN_SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(PlatformUnavailable, match="the store was not read yet") as raised:
        adapter.served(MODEL)
    assert time.monotonic() - began < 5
    assert "read its log" in str(raised.value)


def test_a_reply_before_the_first_read_says_when_to_ask_again(pages: StatusPages) -> None:
    """The error has a code of its own, and the header that proxies go by."""
    with _served(pages) as url:
        reply = httpx.post(f"{url}/v2/models/{MODEL}/infer", json={})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert reply.json()["code"] == "store"
