"""Clients of the demo ask on while traffic shifts, and only then."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import httpx
import pytest

from slipway.errors import PlatformUnavailable
from slipway.local.demo.load import REQUESTS_AT_ONCE, ProbeLoad
from slipway.stages.rollout.platform import Served


@pytest.fixture
def received() -> list[str]:
    """Ids of the requests that reached the platform."""
    return []


def probe_load(
    received: list[str], served: Served | Exception | None, *, status: int = 200
) -> ProbeLoad:
    """Clients before a platform that serves so."""

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(json.loads(request.content)["id"])
        return httpx.Response(status)

    client = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://platform")
    made = ProbeLoad(client, FixedServed(served), "delay")
    made.set_bodies({"id": str(number)} for number in range(30))
    return made


class FixedServed:
    """Says what is served, as a test wrote it down."""

    def __init__(self, served: Served | Exception | None) -> None:
        self._served = served

    def served(self, model: str) -> Served | None:
        """What is served."""
        del model
        if isinstance(self._served, Exception):
            raise self._served
        return self._served


def serving(weights: Mapping[int, float]) -> Served:
    """Healthy versions with these shares."""
    return Served(weights, dict.fromkeys(weights, True), (), 1)


def test_the_same_requests_are_asked_again_and_again(received: list[str]) -> None:
    """A step gets its look, however few flights there are to ask about."""
    clients = probe_load(received, serving({1: 0.9, 2: 0.1}))
    clients.send_some()
    clients.send_some()
    assert received == [str(number % 30) for number in range(2 * REQUESTS_AT_ONCE)]
    assert (clients.sent, clients.failed) == (2 * REQUESTS_AT_ONCE, 0)


@pytest.mark.parametrize(
    "served", [serving({1: 1.0}), serving({}), None, PlatformUnavailable("no answer")]
)
def test_nobody_asks_while_nothing_shifts(
    received: list[str], served: Served | Exception | None
) -> None:
    """Neither with one version, nor with none, nor while the platform is away."""
    probe_load(received, served).send_some()
    assert received == []


def test_refusals_are_counted(received: list[str]) -> None:
    """Nothing that a client met is lost."""
    clients = probe_load(received, serving({1: 0.9, 2: 0.1}), status=503)
    clients.send_some()
    assert clients.failed == REQUESTS_AT_ONCE


def test_without_requests_nobody_asks(received: list[str]) -> None:
    """Before the first delivery there is nothing to ask about."""
    clients = probe_load(received, serving({1: 0.9, 2: 0.1}))
    nothing: Iterator[dict[str, object]] = iter(())
    clients.set_bodies(nothing)
    clients.send_some()
    assert received == []
