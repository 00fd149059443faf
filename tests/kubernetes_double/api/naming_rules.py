"""Valid names, labels and annotations.

Source: `apimachinery/pkg/util/validation/validation.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from tests.kubernetes_double.api.kinds import RBAC, Kind

Cause = tuple[str, str, str]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_ANNOTATIONS_BYTES = 256 * 1024


def invalid_value(field: str, value: str, sentence: str) -> Cause:
    """A cause of a 422."""
    return ("FieldValueInvalid", field, f'Invalid value: "{value}": {sentence}')


def name_faults(kind: Kind, name: str) -> Iterator[Cause]:
    """Faults of an object's name."""
    if kind.group == RBAC:
        return
    test = {"Service": label_1035, "Namespace": label_1123}.get(kind.name, subdomain)
    if sentence := test(name):
        yield invalid_value("metadata.name", name, sentence)


def label_1123(value: str) -> str:
    """Fault of a DNS label; empty: valid."""
    return _fault(
        value,
        63,
        _LABEL,
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "
        f"regex used for validation is '{_LABEL}')",
    )


def label_1035(value: str) -> str:
    """Fault of a Service's name; empty: valid."""
    return _fault(
        value,
        63,
        _LABEL_1035,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "
        "an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
        f"'abc-123', regex used for validation is '{_LABEL_1035}')",
    )


def subdomain(value: str) -> str:
    """Fault of a DNS name; empty: valid."""
    return _fault(
        value,
        253,
        _SUBDOMAIN,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
        "or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "
        f"regex used for validation is '{_SUBDOMAIN}')",
    )


def _fault(value: str, most: int, pattern: str, sentence: str) -> str:
    if len(value) > most:
        return f"must be no more than {most} characters"
    return "" if re.fullmatch(pattern, value) else sentence


def qualified(key: str) -> str:
    """Fault of the key of a label or annotation; empty: valid."""
    prefix, slash, name = key.rpartition("/")
    if slash and (not prefix or subdomain(prefix)):
        return "prefix part " + (subdomain(prefix) if prefix else "must be non-empty")
    if len(name) > 63:
        return "name part must be no more than 63 characters"
    if re.fullmatch(_QUALIFIED, name):
        return ""
    return (
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "
        "end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex "
        f"used for validation is '{_QUALIFIED}')"
    )


def label_value(value: str) -> str:
    """Fault of a label's value; empty: valid."""
    if len(value) > 63:
        return "must be no more than 63 characters"
    if not value or re.fullmatch(_QUALIFIED, value):
        return ""
    return (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
        "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
        f"'my_value',  or '12345', regex used for validation is '({_QUALIFIED})?')"
    )


def label_faults(labels: Mapping[str, str], field: str) -> Iterator[Cause]:
    """Faults of labels."""
    for key, value in labels.items():
        if sentence := qualified(key):
            yield invalid_value(field, key, sentence)
        if sentence := label_value(value):
            yield invalid_value(field, value, sentence)


def annotation_faults(annotations: Mapping[str, str], field: str) -> Iterator[Cause]:
    """Faults of annotations."""
    for key in annotations:
        if sentence := qualified(key.lower()):
            yield invalid_value(field, key, sentence)
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_BYTES:
        yield ("FieldValueTooLong", field, f"Too long: may not be more than {_ANNOTATIONS_BYTES}")


def each_once(values: list[str], field: Callable[[int], str]) -> Iterator[Cause]:
    """Duplicates in a list without duplicates."""
    for index, value in enumerate(values):
        if value in values[:index]:
            yield ("FieldValueDuplicate", field(index), f'Duplicate value: "{value}"')
