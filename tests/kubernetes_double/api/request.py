"""A request as the API reads it: which object, which verb, which options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.kubernetes_double.api.access import Attempt, User
from tests.kubernetes_double.api.kinds import BY_PATH, GATEWAY, Kind
from tests.kubernetes_double.api.problems import bad_request, no_such_path

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True)
class Target:
    """What a path points at.

    Attributes:
        kind: Kind of its objects.
        namespace: Where; empty: everywhere, or nowhere.
        name: Of the object; empty: all of them.
        subresource: Behind the object; empty: the object itself.
    """

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def target_of(path: str, *, gateway: bool) -> Target:
    """What a path points at.

    Raises:
        ApiProblem: 404: the API serves nothing there.
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
class Asking:
    """A request for objects.

    Attributes:
        target: What it is about.
        method: HTTP method.
        query: Its options.
        user: Who asks.
        content_type: Of its body.
        agent: The client's `User-Agent`.
        body: As it came.
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
        """What it does, as roles call it."""
        if self.method == "GET":
            if self.watches:
                return "watch"
            return "get" if self.target.name else "list"
        if self.method == "DELETE":
            return "delete" if self.target.name else "deletecollection"
        return _VERBS[self.method]

    @property
    def attempt(self) -> Attempt:
        """It as access control reads it."""
        target = self.target
        resource = "/".join(filter(None, (target.kind.plural, target.subresource)))
        return Attempt(self.verb, target.kind.group, resource, target.namespace, target.name)

    @property
    def manager(self) -> str:
        """Who owns what it writes: as it says, else the start of its `User-Agent`."""
        return self.query.get("fieldManager") or self.agent.split("/")[0][:128] or "unknown"

    @property
    def dry_run(self) -> bool:
        """Whether all shall happen but the writing."""
        return self.query.get("dryRun", "") == "All"

    def flag(self, name: str) -> bool:
        """Whether an option is on."""
        return self.query.get(name, "").lower() in ("true", "1")

    def number(self, name: str) -> int | None:
        """An option that is a number; None: it is not there.

        Raises:
            ApiProblem: 400.
        """
        text = self.query.get(name)
        try:
            return None if text in (None, "") else int(str(text))
        except ValueError:
            raise bad_request(f"{name}: invalid number {text!r}") from None

    def parsed(self) -> Any:
        """Its body; JSON, or YAML, of which JSON is a part.

        Raises:
            ApiProblem: 400.
        """
        try:
            return yaml.load(self.body, Loader=yaml.CSafeLoader) if self.body else {}
        except yaml.YAMLError as error:
            raise bad_request(f"error decoding body: {error}") from error
