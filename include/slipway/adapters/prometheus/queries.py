"""PromQL of what a version's servers did; ranges are steps, so that counter resets lose nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass

INSTALLATION = 'job=~"slipway.*"'
"""Jobs whose targets tell that Prometheus was scraping, also where a target does not answer."""


@dataclass(frozen=True)
class Queries:
    """Expressions about one version.

    Attributes:
        model: Name of the model.
        version: Its version.
        matchers: Further label matchers of every selector, such as `namespace="prod"`.
    """

    model: str
    version: int
    matchers: str = ""

    def _select(self, metric: str, *matchers: str) -> str:
        return f"{metric}{{{', '.join(one for one in (*matchers, self.matchers) if one)}}}"

    def _of_model(self, metric: str, *matchers: str) -> str:
        return self._select(metric, f"model={json.dumps(self.model)}", *matchers)

    def _own(self, metric: str, *matchers: str) -> str:
        return self._of_model(metric, f'version="{self.version}"', *matchers)

    def scraped(self, seconds: int) -> str:
        """Any value: Prometheus looked at the installation."""
        return f"max(max_over_time({self._select('up', INSTALLATION)}[{seconds}s]))"

    def ready(self, seconds: int) -> str:
        """Share of the time that a server of each version was ready, by its own metrics."""
        return f"max by (version) (avg_over_time({self._of_model('slipway_ready')}[{seconds}s]))"

    def found_ready(self, seconds: int) -> str:
        """The same as the platform saw it."""
        seen = self._of_model("slipway_platform_server_ready")
        return f"max by (version) (avg_over_time({seen}[{seconds}s]))"

    def samples(self, seconds: int) -> str:
        """Scrapes of a server of the version."""
        return f"max(count_over_time({self._own('slipway_ready')}[{seconds}s]))"

    def requests(self, seconds: int) -> str:
        """Infer requests by status."""
        return self._increase(
            self._own("slipway_requests_total", 'asked="model"'), seconds, "status"
        )

    def latency(self, seconds: int) -> str:
        """Successful answers by latency bucket."""
        matchers = ('asked="model"', 'status=~"2.."')
        buckets = self._own("slipway_request_seconds_bucket", *matchers)
        return self._increase(buckets, seconds, "le")

    def refused(self, seconds: int) -> str:
        """Requests without a valid token that a server refused, by reason."""
        return self._increase(self._own("slipway_auth_failures_total"), seconds, "reason")

    def refused_by_platform(self, seconds: int) -> str:
        """Requests without a valid token that named the model, by reason."""
        return self._increase(
            self._of_model("slipway_platform_auth_failures_total"), seconds, "reason"
        )

    def unshipped(self, seconds: int) -> str:
        """Greatest age of unshipped predictions."""
        return f"max(max_over_time({self._of_model('slipway_log_unshipped_seconds')}[{seconds}s]))"

    def rows(self, seconds: int) -> str:
        """Rows that were scored."""
        return f"sum(increase({self._own('slipway_batch_rows_sum')}[{seconds}s]))"

    def out_of_range(self, seconds: int) -> str:
        """Values that training never saw, by column."""
        return self._increase(self._own("slipway_out_of_range_inputs_total"), seconds, "column")

    def restarts(self, seconds: int) -> str:
        """Restarts as the platform counts them, else resets of a server's counters."""
        counted = self._own("slipway_platform_server_restarts_total")
        own = self._own("slipway_requests_total", 'asked="model"', 'status="200"')
        return f"sum(increase({counted}[{seconds}s])) or sum(resets({own}[{seconds}s]))"

    def busiest(self, seconds: int, *, minute: int) -> str:
        """Requests a second of the busiest minute of each step, of all clients."""
        requests = self._own("slipway_requests_total", 'asked="model"')
        return f"max_over_time(sum(rate({requests}[{minute}s]))[{seconds}s:1m])"

    def busiest_clients(self, seconds: int, *, minute: int) -> str:
        """The same by client."""
        requests = self._own("slipway_client_requests_total")
        return f"max_over_time(sum by (client) (rate({requests}[{minute}s]))[{seconds}s:1m])"

    def clients(self, seconds: int) -> str:
        """Requests by client."""
        return self._increase(self._own("slipway_client_requests_total"), seconds, "client")

    def every(self) -> list[str]:
        """All expressions over ten minutes."""
        of_time = (
            *(self.scraped, self.ready, self.found_ready, self.samples, self.requests),
            *(self.latency, self.refused, self.refused_by_platform, self.unshipped, self.rows),
            *(self.out_of_range, self.restarts, self.clients),
        )
        busiest = (self.busiest, self.busiest_clients)
        return [*(one(600) for one in of_time), *(one(600, minute=60) for one in busiest)]

    @staticmethod
    def _increase(selector: str, seconds: int, label: str) -> str:
        return f"sum by ({label}) (increase({selector}[{seconds}s]))"
