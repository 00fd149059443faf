"""Who asks, and whether the cluster's roles let them: bearer tokens and RBAC."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import ApiProblem

MASTERS = "system:masters"


@dataclass(frozen=True)
class User:
    """Who asks.

    Attributes:
        name: As in messages.
        account: Its short name: that of the service account, or `admin`.
        groups: What it belongs to.
    """

    name: str
    account: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Attempt:
    """What somebody wants to do.

    Attributes:
        verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
        group: API group.
        resource: Plural, with its subresource behind a slash.
        namespace: Where; empty: everywhere.
        name: To which object; empty: to none in particular.
    """

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def refused(self, user: User) -> ApiProblem:
        """What is said to one who may not."""
        plural = self.resource.split("/", maxsplit=1)[0]
        what = f"{plural}.{self.group}" if self.group else plural
        what += f' "{self.name}"' if self.name else ""
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        message = (
            f'{what} is forbidden: User "{user.name}" cannot {self.verb} resource '
            f'"{self.resource}" in API group "{self.group}" {where}'
        )
        details = {"kind": plural} | {
            key: value for key, value in (("name", self.name), ("group", self.group)) if value
        }
        return ApiProblem(403, "Forbidden", message, details)


class Access:
    """Tokens of users, and what the roles among the objects let them do.

    Args:
        objects: Where Roles, ClusterRoles and their bindings are.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._users: dict[str, User] = {}

    def token(self, account: str, namespace: str = "") -> str:
        """A new token of a service account; of the administrator without a namespace."""
        if namespace:
            user = User(
                f"system:serviceaccount:{namespace}:{account}",
                account,
                (
                    "system:serviceaccounts",
                    f"system:serviceaccounts:{namespace}",
                    "system:authenticated",
                ),
            )
        else:
            user = User(f"kubernetes-{account}", account, (MASTERS, "system:authenticated"))
        token = secrets.token_urlsafe(24)
        self._users[token] = user
        return token

    def revoke(self, token: str) -> None:
        """Let a token be one no longer."""
        self._users.pop(token, None)

    def user(self, header: str) -> User:
        """Whose token an `Authorization` header bears.

        Raises:
            ApiProblem: 401.
        """
        found = self._users.get(header.removeprefix("Bearer ").strip())
        if found is None:
            raise ApiProblem(401, "Unauthorized", "Unauthorized")
        return found

    def demand(self, user: User, attempt: Attempt) -> None:
        """Let it pass.

        Raises:
            ApiProblem: 403.
        """
        if not self.allows(user, attempt):
            raise attempt.refused(user)

    def allows(self, user: User, attempt: Attempt) -> bool:
        """Whether a user may do what they attempt."""
        if MASTERS in user.groups:
            return True
        return any(_covers(rule, attempt) for rule in self._rules(user, attempt.namespace))

    def _rules(self, user: User, namespace: str) -> Iterator[Mapping[str, Any]]:
        bindings = self._objects.list("ClusterRoleBinding")
        if namespace:
            bindings += self._objects.list("RoleBinding", namespace)
        for binding in bindings:
            if any(_is(user, subject, binding) for subject in binding.get("subjects") or ()):
                kind = binding["roleRef"]["kind"]
                where = "" if kind == "ClusterRole" else namespace
                role = self._objects.find(kind, where, binding["roleRef"]["name"])
                yield from (role or {}).get("rules") or ()


def _is(user: User, subject: Mapping[str, str], binding: Mapping[str, Any]) -> bool:
    if subject["kind"] == "ServiceAccount":
        namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
        return user.name == f"system:serviceaccount:{namespace}:{subject['name']}"
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    return user.name == subject["name"]


def _covers(rule: Mapping[str, Any], attempt: Attempt) -> bool:
    _, slash, subresource = attempt.resource.partition("/")
    resources = {"*", attempt.resource} | ({f"*/{subresource}"} if slash else set())
    names = rule.get("resourceNames") or ()
    return (
        _meets(rule.get("verbs"), {"*", attempt.verb})
        and _meets(rule.get("apiGroups"), {"*", attempt.group})
        and _meets(rule.get("resources"), resources)
        and (not names or attempt.name in names)
    )


def _meets(listed: list[str] | None, wanted: set[str]) -> bool:
    return bool(wanted & set(listed or ()))


def review(access: Access, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a SelfSubjectAccessReview."""
    asked = (body.get("spec") or {}).get("resourceAttributes") or {}
    resource, subresource = asked.get("resource", ""), asked.get("subresource", "")
    attempt = Attempt(
        asked.get("verb", ""),
        asked.get("group", ""),
        f"{resource}/{subresource}" if subresource else resource,
        asked.get("namespace", ""),
        asked.get("name", ""),
    )
    reviewed = {**body, "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    return {**reviewed, "status": {"allowed": access.allows(user, attempt)}}
