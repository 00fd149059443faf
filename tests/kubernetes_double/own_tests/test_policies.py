"""ValidatingAdmissionPolicies, as the real API server evaluates them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.policies import policies_allow, requested_by
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.api.server import Api

POLICY = """
kind: ValidatingAdmissionPolicy
metadata: {name: small}
spec:
  failurePolicy: Fail
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE, DELETE]}
  matchConditions:
  - {name: not-by-root, expression: request.userInfo.username != 'root'}
  variables:
  - {name: subject, expression: 'object == null ? oldObject : object'}
  - {name: broken, expression: variables.subject.data.none}
  validations:
  - {expression: size(variables.subject.data) <= int(params.data.most), message: too large}
  - {expression: variables.subject.metadata.name != 'odd' || variables.broken, message: odd}
---
kind: ValidatingAdmissionPolicyBinding
metadata: {name: bound}
spec:
  policyName: small
  validationActions: [Deny]
  paramRef: {name: limits, namespace: rules, parameterNotFoundAction: Deny}
  matchResources: {namespaceSelector: {matchLabels: {checked: "yes"}}}
"""


@pytest.fixture
def objects() -> Objects:
    """A checked namespace, one that is not, and a policy on their ConfigMaps."""
    made = Objects()
    Api(made)
    for name, labels in (("rules", {}), ("checked", {"checked": "yes"}), ("free", {})):
        made.create({"kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    made.create(config("limits", "rules", most="1"))
    for manifest in yaml.safe_load_all(POLICY):
        made.create(manifest)
    return made


def config(name: str, namespace: str, **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def test_what_a_policy_denies_is_forbidden(objects: Objects) -> None:
    """With the real server's message for the reason Forbidden."""
    objects.create(config("small", "checked", a="1"))
    with pytest.raises(ApiProblem) as refused:
        objects.create(config("large", "checked", a="1", b="2"))
    assert refused.value.status == 403
    assert refused.value.message == (
        "configmaps \"large\" is forbidden: ValidatingAdmissionPolicy 'small' with binding "
        "'bound' denied request: too large"
    )


def test_other_namespaces_users_and_operations_are_not_matched(objects: Objects) -> None:
    """The selector of the binding, the condition and the operations of the policy decide."""
    large = {"a": "1", "b": "2"}
    objects.create(config("large", "free", **large))
    with requested_by("root"):
        made = objects.create(config("large", "checked", **large))
    objects.update({**made, "data": {**large, "c": "3"}})
    with pytest.raises(ApiProblem, match="too large"):
        policies_allow(objects, None, made)


def test_an_expression_without_a_value_denies(objects: Objects) -> None:
    """A variable that fails counts only where it is used."""
    objects.create(config("small", "checked", a="1"))
    with pytest.raises(ApiProblem, match="expression resulted in error"):
        objects.create(config("odd", "checked", a="1"))


def test_a_missing_parameter_denies(objects: Objects) -> None:
    """As `parameterNotFoundAction: Deny` says."""
    objects.delete("ConfigMap", "rules", "limits")
    with pytest.raises(ApiProblem, match="no params found for policy binding"):
        objects.create(config("small", "checked", a="1"))
