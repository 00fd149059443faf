"""What a V2 reply means to a stage, and waiting until something is so."""

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


def answer_of(reply: httpx.Response, url: str) -> Prediction:
    """The scores that a reply holds, and who gave them.

    Raises:
        BadRequest: The request was refused.
        NotFound: There is no such model or version.
        BadParameter: Whoever asks is not let in.
        PlatformUnavailable: There was no answer.
    """
    let_in(reply, url)
    if reply.is_client_error:
        kind = NotFound if reply.status_code == HTTPStatus.NOT_FOUND else BadRequest
        raise kind("the request was refused", found=said_by(reply), where=url)
    if not reply.is_success:
        raise PlatformUnavailable("the request was not answered", found=said_by(reply), where=url)
    value = reply.json()
    return Prediction(int(value["model_version"]), tuple(value["outputs"][0]["data"]))


def let_in(reply: httpx.Response, url: str) -> None:
    """Make sure that a reply is not about who asks.

    Raises:
        BadParameter: It is.
    """
    if reply.status_code == HTTPStatus.UNAUTHORIZED:
        raise BadParameter(
            "the serving platform does not let us in",
            expected="a bearer token that its tokens file names",
            found=said_by(reply),
            where=url,
            hint="set SLIPWAY_TOKEN; `slipway token NAME` makes one",
        )


def said_by(reply: httpx.Response) -> str:
    """The error in a reply, else its status."""
    try:
        return str(reply.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"status {reply.status_code}"


def wait(condition: Callable[[], bool], within_seconds: float) -> bool:
    """Whether something became so in time."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def trust(ca: Path | None, *, is_needed: bool) -> ssl.SSLContext:
    """Whom to trust over TLS.

    Args:
        ca: PEM file; None: whom this machine trusts.
        is_needed: Whether anything is asked over TLS at all.

    Raises:
        BadParameter: The file cannot be used.
    """
    if not is_needed:
        # To read everybody whom this machine trusts takes tens of milliseconds.
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
