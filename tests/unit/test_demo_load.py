"""Clients of the demo: they send requests while traffic shifts, and only then."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import httpx
import pytest

from slipway.errors import PlatformUnavailable
from slipway.local.probe_load import REQUESTS_AT_ONCE, ProbeLoad
from slipway.stages.rollout.platform import Served


@pytest.fixture
def received() -> list[str]:
    """Ids of the requests to the platform."""
    return []


def probe_load(
    received: list[str], served: Served | Exception | None, *, status: int = 200
) -> ProbeLoad:
    """A load generator against a platform with given weights."""

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(json.loads(request.content)["id"])
        return httpx.Response(status)

    client = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://platform")
    made = ProbeLoad(client, FixedServed(served), "delay")
    made.set_bodies({"id": str(number)} for number in range(30))
    return made


class FixedServed:
    """A platform with a given answer."""

    def __init__(self, served: Served | Exception | None) -> None:
        self._served = served

    def served(self, model: str) -> Served | None:
        """The given answer."""
        del model
        if isinstance(self._served, Exception):
            raise self._served
        return self._served


def serving(weights: Mapping[int, float]) -> Served:
    """Healthy versions with these weights."""
    return Served(weights, dict.fromkeys(weights, True), (), 1)


def test_the_same_requests_are_asked_again_and_again(received: list[str]) -> None:
    """A step gets enough requests, however few flights exist."""
    clients = probe_load(received, serving({1: 0.9, 2: 0.1}))
    clients.send_some()
    clients.send_some()
    assert received == [str(number % 30) for number in range(2 * REQUESTS_AT_ONCE)]
    assert (clients.sent, clients.failed) == (2 * REQUESTS_AT_ONCE, 0)


@pytest.mark.parametrize(
    "served", [serving({1: 1.0}), serving({}), None, PlatformUnavailable("no answer")]
)
def test_no_requests_while_nothing_shifts(
    received: list[str], served: Served | Exception | None
) -> None:
    """Neither with one version, nor with none, nor during an outage."""
    probe_load(received, served).send_some()
    assert received == []


def test_refusals_are_counted(received: list[str]) -> None:
    """Every error of a client is counted."""
    clients = probe_load(received, serving({1: 0.9, 2: 0.1}), status=503)
    clients.send_some()
    assert clients.failed == REQUESTS_AT_ONCE


def test_no_requests_before_the_first_delivery(received: list[str]) -> None:
    """There are no rows to send."""
    clients = probe_load(received, serving({1: 0.9, 2: 0.1}))
    nothing: Iterator[dict[str, object]] = iter(())
    clients.set_bodies(nothing)
    clients.send_some()
    assert received == []
