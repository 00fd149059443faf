"""HTTP status codes of a model server's errors, one row each."""

from __future__ import annotations

from http import HTTPStatus

from slipway.errors import BadRequest, SlipwayError, Transient
from slipway.serving.http.body_limit import UnknownEncoding
from slipway.serving.model_server.explanation_queue import ExplanationsBusy
from slipway.serving.model_server.requests import ExplanationLate
from slipway.serving.v2.errors import Malformed, Mismatch, TooLarge

STATUS_OF: tuple[tuple[type[SlipwayError], int], ...] = (
    (Malformed, HTTPStatus.BAD_REQUEST),
    (Mismatch, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UnknownEncoding, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (BadRequest, HTTPStatus.BAD_REQUEST),
    # No failure of the version: neither fails over, nor counts against a canary.
    (ExplanationsBusy, HTTPStatus.TOO_MANY_REQUESTS),
    (ExplanationLate, HTTPStatus.TOO_MANY_REQUESTS),
    (Transient, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_of(error: SlipwayError) -> int:
    """HTTP status of an error."""
    return next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)
