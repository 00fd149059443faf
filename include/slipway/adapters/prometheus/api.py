"""Send queries to a Prometheus server, and raise its failures as Slipway's errors."""

from __future__ import annotations

import math
import ssl
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from slipway.errors import BadParameter, MetricsUnavailable, NotComputable, SlipwayError

CONNECT_WITHIN_S = 5.0
ANSWER_WITHIN_S = 60.0
WAITS_S = (1.0, 4.0)
"""Before the second and the third try; a server that answers too late is not tried again."""

BUSY = frozenset({408, 429})
REFUSED = frozenset({401, 403})


@dataclass(frozen=True)
class Series:
    """Finite values of one series.

    Attributes:
        labels: Its labels.
        values: Values by Unix time.
    """

    labels: Mapping[str, str]
    values: Mapping[float, float]

    @property
    def total(self) -> float:
        """Sum of the values."""
        return math.fsum(self.values.values())


class PrometheusApi:
    """One Prometheus server, or what speaks its API.

    Args:
        url: Address; a user and password in it are sent with requests and shown nowhere.
        token: Bearer token, if the server requires one.
        ca: PEM file with an authority that is trusted beside the system's.
        answer_within_s: Time limit of an answer.
        waits_s: Waits before further tries.

    Raises:
        BadParameter: The address is not one of HTTP, or the file cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        ca: Path | None = None,
        answer_within_s: float = ANSWER_WITHIN_S,
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        given = _address(url)
        self._where = str(given.copy_with(userinfo=b"")).rstrip("/")
        self._within_s = answer_within_s
        self._waits_s = waits_s
        self._client = httpx.Client(
            base_url=f"{self._where}/api/v1/",
            auth=(given.username, given.password) if given.userinfo else None,
            headers={"Authorization": f"Bearer {token}"} if token else None,
            timeout=httpx.Timeout(answer_within_s, connect=CONNECT_WITHIN_S),
            verify=_trust(ca),
        )
        weakref.finalize(self, self._client.close)

    def over(self, expression: str, *, start: float, end: float, step: int) -> list[Series]:
        """Return the values of an expression at each step from `start` to `end`."""
        times = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": str(step)}
        return self._query("query_range", {"query": expression, **times}, values="values")

    def at(self, expression: str, moment: float) -> list[Series]:
        """Return the value of an expression at a moment."""
        asked = {"query": expression, "time": f"{moment:.3f}"}
        return self._query("query", asked, values="value")

    def _query(self, path: str, params: Mapping[str, str], *, values: str) -> list[Series]:
        body = self._body(self._send(path, params))
        if body.get("warnings"):
            # Some stores behind the same API answer with what they have, and a warning.
            raise MetricsUnavailable(
                "Prometheus answered in part",
                found=str(body["warnings"][0])[:200],
                where=self._where,
            )
        try:
            return [
                Series(one["metric"], _finite(one[values] if values == "values" else [one[values]]))
                for one in body["data"]["result"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise self._no_prometheus() from error

    def _send(self, path: str, params: Mapping[str, str]) -> httpx.Response:
        params = {**params, "timeout": f"{self._within_s:g}s"}
        for wait in (*self._waits_s, None):
            try:
                response = self._client.get(path, params=params)
                if response.status_code < httpx.codes.INTERNAL_SERVER_ERROR or wait is None:
                    return response
            except httpx.ReadTimeout as error:
                raise self._unavailable(error, f"did not answer within {self._within_s:g} s") from (
                    error
                )
            except httpx.HTTPError as error:
                if wait is None:
                    raise self._unavailable(error, "does not answer") from error
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _unavailable(self, error: httpx.HTTPError, what: str) -> MetricsUnavailable:
        return MetricsUnavailable(
            f"Prometheus {what}",
            found=type(error).__name__,
            where=self._where,
            hint="start it, or set SLIPWAY_PROMETHEUS_URL to where it is",
        )

    def _body(self, response: httpx.Response) -> dict[str, Any]:
        status = response.status_code
        if status in REFUSED:
            raise BadParameter(
                "Prometheus refuses the token",
                expected="a token that may query it",
                found=f"status {status}",
                where=self._where,
                hint="set SLIPWAY_PROMETHEUS_TOKEN",
            )
        try:
            body = response.json()
            message = str(body.get("error", ""))[:200]
        except (ValueError, AttributeError) as error:
            if status in BUSY or status >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise self._failed(status, "") from error
            raise self._no_prometheus() from error
        if response.is_success and body.get("status") == "success":
            return dict(body)
        raise self._failed(status, message)

    def _failed(self, status: int, message: str) -> SlipwayError:
        found = message or f"status {status}"
        if status in BUSY or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return MetricsUnavailable("Prometheus failed", found=found, where=self._where)
        if status == httpx.codes.UNPROCESSABLE_ENTITY:
            return NotComputable(
                "the window is too much for Prometheus",
                found=found,
                where=self._where,
                hint="shorten monitoring.window, or raise its --query.max-samples",
            )
        return BadParameter("Prometheus rejects the query", found=found, where=self._where)

    def _no_prometheus(self) -> BadParameter:
        return BadParameter(
            "the answer is not one of Prometheus' API",
            expected="JSON of /api/v1/query",
            where=self._where,
            hint="set SLIPWAY_PROMETHEUS_URL to the address below which /api/v1 is",
        )


def _address(url: str) -> httpx.URL:
    try:
        given = httpx.URL(url)
    except httpx.InvalidURL:
        given = httpx.URL("")
    if given.scheme not in {"http", "https"} or not given.host:
        raise BadParameter(
            "the address of Prometheus cannot be used",
            expected="http://… or https://…",
            where="SLIPWAY_PROMETHEUS_URL",
            hint="set SLIPWAY_PROMETHEUS_URL to http://host:port or https://host:port",
        )
    return given


def _trust(ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except OSError as error:
            raise BadParameter(
                "the authority of TLS cannot be read", found=type(error).__name__, where=str(ca)
            ) from error
    return context


def _finite(pairs: Sequence[Sequence[Any]]) -> dict[float, float]:
    """Values by time without NaN and infinity, which stand for no value."""
    values = ((float(moment), float(text)) for moment, text in pairs)
    return {moment: value for moment, value in values if math.isfinite(value)}
