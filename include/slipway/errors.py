"""Errors that Slipway raises: permanent ones, and transient ones that a retry can help.

Imports nothing: Airflow imports these classes by name when it parses a DAG file.

    SlipwayError
    ├── Permanent               a retry cannot help
    │   ├── SpecError           a dataset or model folder is invalid
    │   ├── BadParameter        a parameter of a run is invalid
    │   ├── BadBatch            a batch may not enter the tables
    │   │   └── OverLimit       a delivery exceeds a limit of this installation
    │   ├── BadRequest          a prediction request does not fit the model's signature
    │   ├── NotFound            an object, a version or an alias does not exist
    │   ├── Tampered            bytes differ from the digest recorded for them
    │   │   └── BadSignature    a model version is not signed by a trusted key
    │   ├── IncompatibleRuntime a model version was trained with other versions of its libraries
    │   ├── Superseded          a newer attempt or lease owns this work
    │   ├── NotComputable       a verdict's numbers cannot be computed
    │   ├── RolloutRefused      a candidate may not serve; the champion still does
    │   ├── Denied              a right or an admission rule of the cluster forbids it
    │   ├── EditedByHand        another field manager changed what a rollout controls
    │   ├── BadImage            a pod's image cannot be used
    │   └── OutOfMemory         a fit or a pod needs more memory than it can get
    └── Transient               a retry can help
        ├── StoreUnavailable    the store does not answer
        ├── RegistryUnavailable MLflow does not answer
        ├── MetricsUnavailable  Prometheus does not answer, or only in part
        ├── KeyServiceUnavailable  the service that holds the signing key does not answer
        ├── PlatformUnavailable the serving platform does not answer
        │   └── ClusterUnavailable  the Kubernetes API does not answer
        ├── CommitConflict      another writer committed first
        ├── DiskFull            a local disk has no room for temporary files
        ├── LeaseHeld           another rollout holds the lease
        ├── Unschedulable       no node has room for a pod, or its quota is used up
        ├── ImagePullFailed     an image cannot be pulled at present
        └── PodLost             a pod ended without a result: evicted, its node gone, killed
            └── DeadlineExceeded    a pod exceeded its deadline
"""

from __future__ import annotations


class SlipwayError(Exception):
    """An error with its expected and found state, its place, and a hint.

    Args:
        message: One sentence about what failed.
        expected: Expected state.
        found: State that was found; never a feature value.
        where: File and line, key, URL or column.
        hint: What to try next.
    """

    def __init__(
        self,
        message: str,
        *,
        expected: str | None = None,
        found: str | None = None,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.expected = expected
        self.found = found
        self.where = where
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message]
        for label in ("expected", "found", "where", "hint"):
            text = getattr(self, label)
            if text is not None:
                lines.append(f"{label}: {text}")
        return "\n  ".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.__dict__.copy()))


def _rebuild(kind: type[SlipwayError], fields: dict[str, str | None]) -> SlipwayError:
    error = kind.__new__(kind)
    error.__dict__.update(fields)
    Exception.__init__(error, fields["message"])
    return error


class Permanent(SlipwayError):
    """A retry cannot help: the input, the spec or the decision has to change."""


class Transient(SlipwayError):
    """A retry can help: another system did not answer, or its state changed meanwhile."""


class SpecError(Permanent):
    """A dataset or model folder is invalid; a retry cannot help."""


class BadParameter(Permanent):
    """A parameter of a run is invalid; a retry cannot help."""


class BadBatch(Permanent):
    """A batch may not enter the tables; a corrected delivery can."""


class OverLimit(BadBatch):
    """A delivery exceeds a limit of this installation; a smaller one or a higher limit helps."""


class BadRequest(Permanent):
    """A prediction request does not fit the model's signature; a retry cannot help."""


class NotFound(Permanent):
    """An object, a version or an alias does not exist; a retry cannot help."""


class Tampered(Permanent):
    """Bytes differ from the digest recorded for them; a retry cannot help."""


class BadSignature(Tampered):
    """A model version is not signed by a trusted key; a retry cannot help."""


class IncompatibleRuntime(Permanent):
    """A pipeline can answer differently under the versions found here; a retry cannot help."""


class Superseded(Permanent):
    """A newer attempt or lease owns this work; a retry of this attempt cannot help."""


class NotComputable(Permanent):
    """A verdict's numbers cannot be computed, so the verdict is a refusal."""


class RolloutRefused(Permanent):
    """A candidate may not serve; the champion still does."""


class Denied(Permanent):
    """A right or an admission rule of the cluster forbids it; a retry cannot help."""


class EditedByHand(Permanent):
    """Another field manager changed what a rollout controls; it is reported, not overwritten."""


class BadImage(Permanent):
    """A pod's image cannot be used; a retry cannot help."""


class OutOfMemory(Permanent):
    """A fit or a pod needs more memory than it can get; a retry with the same cannot help."""


class StoreUnavailable(Transient):
    """The store does not answer; a retry can help."""


class RegistryUnavailable(Transient):
    """The MLflow server does not answer; a retry can help."""


class MetricsUnavailable(Transient):
    """Prometheus does not answer, or only in part; a retry can help."""


class KeyServiceUnavailable(Transient):
    """The service that holds the signing key does not answer; a retry can help."""


class PlatformUnavailable(Transient):
    """The serving platform does not answer; a retry can help."""


class CommitConflict(Transient):
    """Another writer committed first; a retry reads its result and can help."""


class DiskFull(Transient):
    """A local disk has no room for temporary files; a retry on a freed or another one can help."""


class LeaseHeld(Transient):
    """Another rollout of this model holds the lease; a retry can help."""


class ClusterUnavailable(PlatformUnavailable):
    """The Kubernetes API does not answer; a retry can help."""


class Unschedulable(Transient):
    """No node has room for a pod, or its quota is used up; a later retry can help."""


class PodLost(Transient):
    """A pod ended without a result: evicted, its node gone, killed; a retry can help."""


class ImagePullFailed(Transient):
    """An image cannot be pulled at present; a later retry can help."""


class DeadlineExceeded(PodLost):
    """A pod exceeded its deadline; one retry can help, when its node was slow."""
