"""A request to the API: object, verb and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.kubernetes_double.api.access import Action, User
from tests.kubernetes_double.api.kinds import BY_PATH, GATEWAY, Kind
from tests.kubernetes_double.api.problems import bad_request, no_such_path

_VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Target:
    """The object or collection at a path.

    Attributes:
        kind: Kind of the object.
        namespace: Namespace; empty: all, or cluster scope.
        name: Name of the object; empty: the collection.
        subresource: Subresource; empty: the object itself.
    """

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def target_of(path: str, *, gateway: bool) -> Target:
    """The target of a path.

    Raises:
        ApiProblem: 404: the API has no such path.
    """
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"]:
        group, rest = "", parts[1:]
    else:
        group, rest = (parts[1] if len(parts) > 1 else ""), parts[2:]
    if group == GATEWAY and not gateway:
        raise no_such_path()
    version, rest = (rest[0] if rest else ""), rest[1:]
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and (group, version, rest[2]) in BY_PATH:
        namespace, rest = rest[1], rest[2:]
    kind = BY_PATH.get((group, version, rest[0] if rest else ""))
    if kind is None or len(rest) > 3 or (kind.namespaced and len(rest) > 1 and not namespace):
        raise no_such_path()
    target = Target(kind, namespace, *rest[1:])
    if target.subresource and target.subresource not in kind.subresources:
        raise no_such_path()
    return target


@dataclass(frozen=True)
class ApiRequest:
    """A request for objects.

    Attributes:
        target: Object or collection.
        method: HTTP method.
        query: Query parameters.
        user: The user.
        content_type: Content type of the body.
        agent: The client's `User-Agent`.
        body: Raw body.
    """

    target: Target
    method: str
    query: Mapping[str, str]
    user: User
    content_type: str = ""
    agent: str = ""
    body: bytes = b""

    @property
    def watches(self) -> bool:
        """Whether it is a watch."""
        return self.method == "GET" and self.flag("watch") and not self.target.subresource

    @property
    def verb(self) -> str:
        """The verb, as in roles."""
        if self.method == "GET":
            if self.watches:
                return "watch"
            return "get" if self.target.name else "list"
        return _VERBS[self.method]

    @property
    def action(self) -> Action:
        """The action for access control."""
        target = self.target
        resource = "/".join(filter(None, (target.kind.plural, target.subresource)))
        return Action(self.verb, target.kind.group, resource, target.namespace, target.name)

    @property
    def manager(self) -> str:
        """The field manager: as given, else the start of the `User-Agent`."""
        return self.query.get("fieldManager") or self.agent.split("/")[0][:128] or "unknown"

    def flag(self, name: str) -> bool:
        """Whether an option is true."""
        return self.query.get(name, "").lower() in ("true", "1")

    def number(self, name: str) -> int | None:
        """A numeric option, or None.

        Raises:
            ApiProblem: 400.
        """
        text = self.query.get(name)
        try:
            return None if text in (None, "") else int(str(text))
        except ValueError:
            raise bad_request(f"{name}: invalid number {text!r}") from None

    def parsed(self) -> Any:
        """The parsed body; JSON, or YAML, which includes JSON.

        Raises:
            ApiProblem: 400.
        """
        try:
            return yaml.load(self.body, Loader=yaml.CSafeLoader) if self.body else {}
        except yaml.YAMLError as error:
            raise bad_request(f"error decoding body: {error}") from error
