"""Traffic over fake servers of two versions."""

from __future__ import annotations

from collections import Counter

from slipway.records.desired_state import DesiredState
from slipway.serving.http.upstream import Reply
from slipway.serving.platform.proxy.forwarding import Forwarder
from slipway.serving.platform.proxy.metrics import PlatformMetrics
from slipway.serving.platform.proxy.traffic import Traffic
from tests.fakes.model_servers import FakeServer, proxied_request

CHAMPION, CANARY = 1, 2


HALVES = {CHAMPION: 0.5, CANARY: 0.5}


class TrafficSetup:
    """Traffic over fake servers, each of them ready, and clients."""

    def __init__(self, first: DesiredState) -> None:
        self.made: list[FakeServer] = []
        self.traffic = Traffic(first, make=self._make)  # type: ignore[arg-type]
        self.metrics = PlatformMetrics({"delay": self.traffic})
        self.forwarding = Forwarder(self.metrics, wait_seconds=0.2)
        self.traffic.advance()
        for server in self.made:
            server.become(ready=True)

    def server(self, version: int) -> FakeServer:
        """The newest server of a version."""
        return next(one for one in reversed(self.made) if one.version == version)

    def desire(self, desired: DesiredState) -> None:
        """Apply another desired state."""
        self.traffic.desired = desired
        self.traffic.advance()

    async def ask(self, key: str = "k", *, version: int | None = None) -> Reply:
        """One request."""
        return await self.forwarding.forward(
            self.traffic, proxied_request(key=key, version=version)
        )

    async def ask_many(self, number: int = 200) -> Counter[int]:
        """Send requests with different keys; answers by version."""
        replies = [await self.ask(f"key-{one}") for one in range(number)]
        assert {reply.status for reply in replies} == {200}
        return Counter(version_of(reply) for reply in replies)

    def tally(self, version: int) -> tuple[int, int]:
        """Requests and failures of a version."""
        counts = self.traffic.status()["tallies"][str(version)]
        return counts["asked"], counts["failed"]

    def metric(self, line: str) -> float:
        """Value of one line of the metrics."""
        lines = self.metrics.exposition().decode().splitlines()
        return float(next(one for one in lines if one.startswith(line)).split()[-1])

    def _make(self, model: str, version: int, digest: str | None, changed: object) -> FakeServer:
        made = FakeServer(model, version, changed, digest=digest)  # type: ignore[arg-type]
        self.made.append(made)
        return self.made[-1]


def version_of(reply: Reply) -> int:
    """Version in a reply."""
    return int(dict(reply.headers)[b"x-slipway-version"])
