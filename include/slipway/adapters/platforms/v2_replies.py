"""Parse replies of the V2 protocol into answers and errors; TLS and polling for its clients."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import httpx

from slipway.errors import BadParameter, BadRequest, NotFound, PlatformUnavailable
from slipway.stages.rollout.platform import Prediction

POLL_SECONDS = 0.02


def parse_answer(reply: httpx.Response, url: str) -> Prediction:
    """Parse the scores of a reply, and the version that answered.

    Raises:
        BadRequest: The request was refused.
        NotFound: There is no such model or version.
        BadParameter: The bearer token was refused.
        PlatformUnavailable: The server failed.
    """
    raise_if_unauthorized(reply, url)
    if reply.is_client_error:
        kind = NotFound if reply.status_code == HTTPStatus.NOT_FOUND else BadRequest
        raise kind("the request was refused", found=error_in(reply), where=url)
    if not reply.is_success:
        raise PlatformUnavailable("the request was not answered", found=error_in(reply), where=url)
    value = reply.json()
    version, outputs = int(value["model_version"]), {one["name"]: one for one in value["outputs"]}
    if "scores" not in outputs:
        return Prediction(version, tuple(outputs["score"]["data"]))
    flat, (_, width) = outputs["scores"]["data"], outputs["scores"]["shape"]
    scores = tuple(tuple(flat[start : start + width]) for start in range(0, len(flat), width))
    return Prediction(version, scores, tuple(outputs["label"]["data"]))


def raise_if_unauthorized(reply: httpx.Response, url: str) -> None:
    """Check that the bearer token was accepted.

    Raises:
        BadParameter: It was refused.
    """
    if reply.status_code == HTTPStatus.UNAUTHORIZED:
        raise BadParameter(
            "the serving platform refused the bearer token",
            expected="a token whose digest is in its tokens file",
            found=error_in(reply),
            where=url,
            hint="set SLIPWAY_TOKEN; `slipway token NAME` makes one",
        )


def error_in(reply: httpx.Response) -> str:
    """The error message of a reply, else its status."""
    try:
        return str(reply.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"status {reply.status_code}"


def code_in(reply: httpx.Response) -> str | None:
    """The code that an error has for programs; None: it has none, or is no error."""
    if not reply.is_error:
        return None
    try:
        return str(reply.json()["code"])
    except (ValueError, KeyError, TypeError):
        return None


def wait_until(condition: Callable[[], bool], within_seconds: float) -> bool:
    """Poll a condition; returns whether it became true in time."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def tls_context(ca: Path | None, *, is_needed: bool) -> ssl.SSLContext:
    """The TLS context of a client.

    Args:
        ca: PEM file of the certificate authority; None: the system's.
        is_needed: Whether any request goes over TLS.

    Raises:
        BadParameter: The file cannot be read.
    """
    if not is_needed:
        # Loading the system's certificate authorities takes tens of milliseconds.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise BadParameter(
            "the certificate authority of the platform cannot be read",
            found=type(error).__name__,
            where=str(ca),
            hint="set SLIPWAY_TLS_CA to a PEM file",
        ) from error
