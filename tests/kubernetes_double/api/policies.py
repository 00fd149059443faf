"""ValidatingAdmissionPolicies: the CEL of the policies among the objects decides.

Source: `k8s.io/apiserver/pkg/admission/plugin/policy/validating`, with its messages for the reason
`Forbidden`. Expressions are compiled and evaluated by CEL's own library.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import local
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

from tests.kubernetes_double.api.kinds import kind_of
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import forbidden

Fields = dict[str, Any]
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
_CONTROLLERS = {"Pod": "replicaset-controller", "ReplicaSet": "deployment-controller"}
_NAMES = ("object", "oldObject", "request", "params", "namespaceObject", "variables")
# Of this thread: a controller that a request wakes acts in its own name.
_REQUEST = local()


@contextmanager
def requested_by(name: str, *groups: str) -> Iterator[None]:
    """Let policies see a user as the one whose request is answered."""
    _REQUEST.user = (name, groups)
    try:
        yield
    finally:
        del _REQUEST.user


def policies_allow(objects: Objects, obj: Fields | None, before: Fields | None) -> None:
    """Refuse a write or a deletion that a bound policy denies; a check for `Objects`.

    Args:
        objects: All objects.
        obj: The object to write; None: it is deleted.
        before: The stored object; None: it is new.

    Raises:
        ApiProblem: 403.
    """
    write = _Write(obj, before)
    kind = kind_of(write.subject["kind"])
    bindings = list(objects.peek(BINDING)) if kind.namespaced else []
    if not bindings:
        return
    namespace = objects.find("Namespace", "", write.namespace) or {"metadata": {}}
    policies = {one["metadata"]["name"]: one for one in objects.peek(POLICY)}
    for binding in sorted(bindings, key=lambda one: str(one["metadata"]["name"])):
        policy = policies.get(binding["spec"]["policyName"])
        if policy is None or not _matches(policy, binding, namespace, write):
            continue
        reason = _denial(objects, policy, binding, write.data(namespace))
        if reason:
            name, bound = policy["metadata"]["name"], binding["metadata"]["name"]
            why = f"ValidatingAdmissionPolicy '{name}' with binding '{bound}' denied request: "
            raise forbidden(kind.resource, write.subject["metadata"]["name"], why + reason)


@dataclass(frozen=True)
class _Write:
    """A write or a deletion.

    Attributes:
        obj: The object to write; None: it is deleted.
        before: The stored object; None: it is new.
    """

    obj: Fields | None
    before: Fields | None

    @property
    def subject(self) -> Fields:
        """The object, or the one that is deleted."""
        found = self.obj or self.before
        assert found is not None
        return found

    @property
    def namespace(self) -> str:
        """Name of its namespace."""
        return str(self.subject["metadata"].get("namespace", ""))

    @property
    def operation(self) -> str:
        """Its name in policies."""
        return "DELETE" if self.obj is None else "CREATE" if self.before is None else "UPDATE"

    def data(self, namespace: Fields) -> Fields:
        """What expressions see of it."""
        kind, meta = kind_of(self.subject["kind"]), self.subject["metadata"]
        controller = _CONTROLLERS.get(kind.name, "generic-garbage-collector")
        account = f"system:serviceaccount:kube-system:{controller}"
        name, groups = getattr(_REQUEST, "user", (account, ("system:serviceaccounts",)))
        request = {
            "operation": self.operation,
            "name": meta.get("name", ""),
            "namespace": self.namespace,
            "resource": {"group": kind.group, "version": kind.version, "resource": kind.plural},
            "userInfo": {"username": name, "groups": list(groups)},
        }
        return {
            "object": self.obj,
            "oldObject": self.before,
            "request": request,
            "namespaceObject": namespace,
            "params": None,
        }


def _matches(policy: Fields, binding: Fields, namespace: Fields, write: _Write) -> bool:
    constraints, bound = policy["spec"]["matchConstraints"], binding["spec"]
    kind = kind_of(write.subject["kind"])
    labels = namespace["metadata"].get("labels") or {}
    return any(
        kind.group in rule["apiGroups"]
        and kind.version in rule["apiVersions"]
        and kind.plural in rule["resources"]
        and write.operation in rule["operations"]
        for rule in constraints["resourceRules"]
    ) and all(
        _selects(one.get("namespaceSelector") or {}, labels)
        for one in (constraints, bound.get("matchResources") or {})
    )


def _selects(selector: Fields, labels: Mapping[str, str]) -> bool:
    wanted = (selector.get("matchLabels") or {}).items() <= labels.items()
    operators = {
        "Exists": lambda one: one["key"] in labels,
        "In": lambda one: labels.get(one["key"]) in one["values"],
    }
    return wanted and all(
        operators[one["operator"]](one) for one in selector.get("matchExpressions") or ()
    )


def _denial(objects: Objects, policy: Fields, binding: Fields, data: Fields) -> str:
    """Why a policy denies; empty where it does not."""
    spec, reference = policy["spec"], binding["spec"].get("paramRef")
    if reference is not None:
        where = reference.get("namespace", data["request"]["namespace"])
        data["params"] = objects.find(spec["paramKind"]["kind"], where, reference["name"])
        if data["params"] is None:
            denies = reference["parameterNotFoundAction"] == "Deny"
            return "no params found for policy binding with `Deny` parameterNotFoundAction" * denies
    named = {one["name"]: one["expression"] for one in spec.get("variables") or ()}
    evaluation = _Evaluation(data, named)
    try:
        if not all(evaluation.value(one["expression"]) for one in spec.get("matchConditions", ())):
            return ""
        denied = (one for one in spec["validations"] if not evaluation.value(one["expression"]))
        return next((str(one["message"]) for one in denied), "")
    except _CelError as error:
        # `failurePolicy: Fail`
        return f"expression resulted in error: {error}"


class _CelError(Exception):
    """An expression that has no value, such as one that reads a field that is not there."""


class _Evaluation:
    """Evaluates the expressions of one policy; its variables when one of them is used.

    Args:
        data: Values of the variables that Kubernetes gives.
        variables: Expressions of the policy's own, by name.
    """

    def __init__(self, data: Fields, variables: Mapping[str, str]) -> None:
        self._data = {**data, "variables": {}}
        self._variables = variables

    def value(self, expression: str) -> Any:
        """The value of an expression.

        Raises:
            _CelError: It has none.
        """
        for name in re.findall(r"\bvariables\.(\w+)", expression):
            # One without a value counts only where the rest leaves the result to it.
            with suppress(_CelError):
                if name not in self._data["variables"]:
                    self._data["variables"][name] = self.value(self._variables[name])
        used = {name: self._data[name] for name in _NAMES if name in expression}
        found = compiled(expression).eval(data=used)
        if found.type() == cel.Type.ERROR:
            raise _CelError(str(found.value()))
        return found.plain_value()


@functools.cache
def compiled(expression: str) -> cel.Expression:
    """An expression, checked by CEL with the variables of an admission policy."""
    return _environment().compile(expression)


@functools.cache
def _environment() -> cel.Env:
    variables = dict.fromkeys(_NAMES, cel.Type.DYN)
    return cel.NewEnv(variables=variables, extensions=[ext_strings.ExtStrings()])
