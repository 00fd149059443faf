"""Keep the specs that a training read beside its record, so that its version can be built again.

`runs/<model>/<run>/train/specs-0001.json` is of the first attempt, and so on; the verdict names the
one of the attempt that finished, with its digest.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from slipway.errors import NotComputable, NotFound, Tampered
from slipway.records.attempts import Attempt
from slipway.records.kept_specs import KeptSpecs, parse_specs, specs_value
from slipway.records.store import Store, digest, encode, parse_json
from slipway.spec import DatasetSpec, ModelSpec

SPECS, SPECS_SHA256 = "specs", "specs_sha256"
"""Names of the key and of the digest in the evidence of a training."""


def keep_run_specs(attempt: Attempt, model: ModelSpec, dataset: DatasetSpec) -> dict[str, str]:
    """Keep the specs that an attempt works by; return their key and digest as evidence."""
    data = encode(specs_value(model, dataset))
    key = f"{attempt.ref.folder}/specs-{attempt.number:04d}.json"
    attempt.store.write(key, data)
    return {SPECS: key, SPECS_SHA256: digest(data)}


def read_run_specs(store: Store, evidence: Mapping[str, str], *, what: str) -> KeptSpecs:
    """Return the specs that a training was done by.

    Args:
        store: Store of the records.
        evidence: Evidence of the training's verdict.
        what: What is built from them, for errors.

    Raises:
        NotComputable: They were not kept, or this release cannot read them.
        Tampered: They differ from the digest in the evidence.
    """
    key = evidence.get(SPECS)
    if key is None:
        raise NotComputable(
            f"the specs of {what} were not kept",
            expected=f"`{SPECS}` in the evidence of its training",
            hint="it was trained by a release that kept none; versions from now on have them",
        )
    try:
        data = store.read(key)
    except NotFound as error:
        raise NotComputable(
            f"the specs of {what} are gone", where=store.uri(key), hint="restore the object"
        ) from error
    if digest(data) != evidence.get(SPECS_SHA256):
        raise Tampered(
            f"the specs of {what} differ from those that it was trained by",
            expected=f"sha256 {evidence.get(SPECS_SHA256)}",
            found=f"sha256 {digest(data)}",
            where=store.uri(key),
        )
    try:
        return parse_specs(parse_json(data))
    except ValidationError as error:
        raise NotComputable(
            f"the specs of {what} are not valid in this release",
            found=f"{error.error_count()} problems",
            where=store.uri(key),
            hint="use the code that trained it: `slipway.git_commit` among the tags of its run",
        ) from error
