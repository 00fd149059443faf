"""Authentication by bearer tokens and authorisation by RBAC."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import ApiProblem


@dataclass(frozen=True)
class User:
    """The user of a request.

    Attributes:
        name: Name in messages.
        account: Name of the service account, or `admin`.
        is_admin: Whether it has all rights.
    """

    name: str
    account: str
    is_admin: bool = False

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups, as policies see them."""
        return ("system:masters",) if self.is_admin else ("system:serviceaccounts",)


@dataclass(frozen=True)
class Action:
    """An action that a user requests.

    Attributes:
        verb: `get`, `list`, `watch`, `create`, `patch` or `delete`.
        group: API group.
        resource: Plural, with its subresource behind a slash.
        namespace: Namespace; empty: all.
        name: Name of the object; empty: all.
    """

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def refused(self, user: User) -> ApiProblem:
        """The 403 for this action."""
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
    """Tokens of users, and their rights by the roles among the objects.

    Args:
        objects: Holds Roles and RoleBindings.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._users: dict[str, User] = {}

    def token(self, account: str, namespace: str = "") -> str:
        """A new token of a service account; of an administrator without a namespace."""
        if namespace:
            user = User(f"system:serviceaccount:{namespace}:{account}", account)
        else:
            user = User(f"kubernetes-{account}", account, is_admin=True)
        token = secrets.token_urlsafe(24)
        self._users[token] = user
        return token

    def user(self, header: str) -> User:
        """The user of an `Authorization` header.

        Raises:
            ApiProblem: 401.
        """
        found = self._users.get(header.removeprefix("Bearer ").strip())
        if found is None:
            raise ApiProblem(401, "Unauthorized", "Unauthorized")
        return found

    def demand(self, user: User, action: Action) -> None:
        """Raise unless a user may perform an action.

        Raises:
            ApiProblem: 403.
        """
        if not self.allows(user, action):
            raise action.refused(user)

    def allows(self, user: User, action: Action) -> bool:
        """Whether a user may perform an action."""
        if user.is_admin:
            return True
        return any(_covers(rule, action) for rule in self._rules(user, action.namespace))

    def _rules(self, user: User, namespace: str) -> Iterator[Mapping[str, Any]]:
        for binding in self._objects.list("RoleBinding", namespace) if namespace else ():
            if any(_is(user, subject, namespace) for subject in binding.get("subjects") or ()):
                role = self._objects.find("Role", namespace, binding["roleRef"]["name"])
                yield from (role or {}).get("rules") or ()


def _is(user: User, subject: Mapping[str, str], namespace: str) -> bool:
    where = subject.get("namespace", namespace)
    return user.name == f"system:serviceaccount:{where}:{subject['name']}"


def _covers(rule: Mapping[str, Any], action: Action) -> bool:
    _, slash, subresource = action.resource.partition("/")
    resources = {"*", action.resource} | ({f"*/{subresource}"} if slash else set())
    names = rule.get("resourceNames") or ()
    return (
        _meets(rule.get("verbs"), {"*", action.verb})
        and _meets(rule.get("apiGroups"), {"*", action.group})
        and _meets(rule.get("resources"), resources)
        and (not names or action.name in names)
    )


def _meets(listed: list[str] | None, wanted: set[str]) -> bool:
    return bool(wanted & set(listed or ()))


def review(access: Access, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
    """The response to a SelfSubjectAccessReview."""
    attributes = (body.get("spec") or {}).get("resourceAttributes") or {}
    resource, subresource = attributes.get("resource", ""), attributes.get("subresource", "")
    action = Action(
        attributes.get("verb", ""),
        attributes.get("group", ""),
        f"{resource}/{subresource}" if subresource else resource,
        attributes.get("namespace", ""),
        attributes.get("name", ""),
    )
    reviewed = {**body, "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    return {**reviewed, "status": {"allowed": access.allows(user, action)}}
