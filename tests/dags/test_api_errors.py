"""Errors of the Kubernetes API: permanent refusals and transient outages."""

from __future__ import annotations

import json

import pytest

from slipway import errors
from slipway.orchestration.pods.api_errors import api_error, status_message

DOING = {"doing": "start the pod of train", "where": "slipway/delay-train-1"}


def status(message: str) -> str:
    """Body of a refusal."""
    return json.dumps({"kind": "Status", "message": message})


@pytest.mark.parametrize(
    ("code", "message", "kind", "hint"),
    [
        (403, 'pods "x" is forbidden: exceeded quota: q, used: pods=5', errors.Unschedulable, "qu"),
        (403, 'pods "x" is forbidden: status unknown for quota: q', errors.Unschedulable, "qu"),
        (403, 'User "ann" cannot create resource "pods"', errors.Denied, "slipway-airflow"),
        (403, 'violates PodSecurity "restricted:latest"', errors.Denied, "admission rule"),
        (403, "ValidatingAdmissionPolicy 'a' denied request", errors.Denied, "slipway-policy"),
        (403, 'admission webhook "images" denied the request', errors.Denied, "admission rule"),
        (403, "error looking up service account slipway/x", errors.Denied, "service account"),
        (401, "Unauthorized", errors.Denied, "connection"),
        (404, 'namespaces "slipway" not found', errors.NotFound, None),
        (422, "spec.nodeSelector: Invalid value", errors.Permanent, None),
        (409, "object has been modified", errors.ClusterUnavailable, None),
        (429, "too many requests", errors.ClusterUnavailable, None),
        (500, "etcdserver: request timed out", errors.ClusterUnavailable, None),
        (503, "apiserver not ready", errors.ClusterUnavailable, None),
    ],
)
def test_each_refusal_is_an_error_of_its_own(
    code: int, message: str, kind: type[errors.SlipwayError], hint: str | None
) -> None:
    """With the API's message, the request, and a hint."""
    error = api_error(code, status(message), **DOING)
    assert type(error) is kind
    assert message in str(error.found)
    assert error.where == DOING["where"]
    assert (hint or "") in (error.hint or "")
    assert (error.hint is None) == (hint is None)


def test_a_transport_error_quotes_its_message() -> None:
    """A transport error has no status; its own message is quoted."""
    error = api_error(None, ConnectionError("connection refused"), **DOING)
    assert type(error) is errors.ClusterUnavailable
    assert error.found == "connection refused"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message": "no"}', "no"),
        ("<html>bad\n gateway</html>", "<html>bad gateway</html>"),
        (None, "no message"),
        ("[1]", "[1]"),
        ("x" * 900, "x" * 400),
    ],
)
def test_any_body_is_quoted_in_short(body: object, words: str) -> None:
    """Bodies of any form and length are quoted in short."""
    assert status_message(body) == words
