"""All kinds of the double, and their API paths."""

from __future__ import annotations

from dataclasses import dataclass

from tests.kubernetes_double.api.problems import no_such_path

RBAC = "rbac.authorization.k8s.io"
GATEWAY = "gateway.networking.k8s.io"
ADMISSION = "admissionregistration.k8s.io"


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    Attributes:
        name: Value of `kind`.
        plural: Name in paths.
        group: API group; empty: core.
        namespaced: Whether its objects live in namespaces.
        subresources: Names of its subresources.
        counted: Whether it has a `metadata.generation`.
        short: Short names for `kubectl`.
        version: API version.
    """

    name: str
    plural: str
    group: str = ""
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    counted: bool = False
    short: tuple[str, ...] = ()
    version: str = "v1"

    @property
    def api_version(self) -> str:
        """Value of `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """Plural with the group, as in messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def full_name(self) -> str:
        """Kind with the group, as in messages."""
        return f"{self.name}.{self.group}" if self.group else self.name


KINDS = (
    Kind(
        "Pod",
        "pods",
        subresources=("status", "log"),
        counted=True,
        short=("po",),
    ),
    Kind("Event", "events", short=("ev",)),
    Kind("Service", "services", subresources=("status",), short=("svc",)),
    Kind("Endpoints", "endpoints", short=("ep",)),
    Kind("ConfigMap", "configmaps", short=("cm",)),
    Kind("Secret", "secrets"),
    Kind("ServiceAccount", "serviceaccounts", short=("sa",)),
    Kind("LimitRange", "limitranges"),
    Kind("PersistentVolumeClaim", "persistentvolumeclaims", subresources=("status",)),
    Kind("ResourceQuota", "resourcequotas", subresources=("status",), short=("quota",)),
    Kind("Namespace", "namespaces", namespaced=False, subresources=("status",), short=("ns",)),
    Kind("Node", "nodes", namespaced=False, subresources=("status",), short=("no",)),
    Kind(
        "Deployment",
        "deployments",
        "apps",
        subresources=("status",),
        counted=True,
        short=("deploy",),
    ),
    Kind(
        "ReplicaSet",
        "replicasets",
        "apps",
        subresources=("status",),
        counted=True,
        short=("rs",),
    ),
    Kind("StatefulSet", "statefulsets", "apps", subresources=("status",), counted=True),
    Kind(
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "policy",
        subresources=("status",),
        counted=True,
        short=("pdb",),
    ),
    Kind("Job", "jobs", "batch", subresources=("status",), counted=True),
    Kind("CronJob", "cronjobs", "batch", subresources=("status",), counted=True),
    Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io", counted=True),
    Kind("EndpointSlice", "endpointslices", "discovery.k8s.io", counted=True),
    Kind("Lease", "leases", "coordination.k8s.io"),
    Kind("Role", "roles", RBAC),
    Kind("RoleBinding", "rolebindings", RBAC),
    Kind(
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        ADMISSION,
        namespaced=False,
        subresources=("status",),
        counted=True,
    ),
    Kind(
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        ADMISSION,
        namespaced=False,
    ),
    Kind(
        "GatewayClass",
        "gatewayclasses",
        GATEWAY,
        namespaced=False,
        subresources=("status",),
        counted=True,
    ),
    Kind("Gateway", "gateways", GATEWAY, subresources=("status",), counted=True),
    Kind("HTTPRoute", "httproutes", GATEWAY, subresources=("status",), counted=True),
)

BY_NAME = {kind.name: kind for kind in KINDS}
BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}


def kind_of(name: str) -> Kind:
    """The kind of a name.

    Raises:
        ApiProblem: There is none.
    """
    try:
        return BY_NAME[name]
    except KeyError:
        raise no_such_path() from None
