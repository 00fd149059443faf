"""Register a version under a number that no other version of the model ever had.

MLflow begins again at 1 when a registered model was deleted and is made anew. Two versions of one
number share no traffic, and on a cluster they share a Deployment; under a new number a model that
was made anew takes the whole way, with what serves as its fallback.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from slipway.records.store import Store
from slipway.records.version_numbers import find_holder, greatest_number, take_number
from slipway.stages.model.aliases import CHALLENGER, CHAMPION, PREVIOUS
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion, Registry
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG

logger = logging.getLogger(__name__)


def register_version(
    model: str,
    *,
    model_uri: str,
    run_key: str,
    tags: Mapping[str, str],
    store: Store,
    registry: Registry,
    known: ModelVersion | None = None,
) -> ModelVersion:
    """Register a logged model, and take its number in the store before anything refers to it.

    Where MLflow gives a number that another version had, the version is deleted and registered
    again, until its number is greater than all before. A repeat after a kill returns the version
    that is there, or deletes what is left under a low number and goes on.

    Args:
        model: Name of the model.
        model_uri: Address of the logged model.
        run_key: Run that logged it.
        tags: Tags of the version, its digest among them.
        store: Store of the numbers that were given.
        registry: Model versions.
        known: Version with the same bytes that is registered already; None: there is none.

    Raises:
        RegistryUnavailable: The registry does not answer.
    """
    version = known or registry.register(model, model_uri=model_uri, run_key=run_key, tags=tags)
    while not _take(version, store=store, registry=registry):
        above = greatest_number(store, model)
        logger.info(
            "MLflow gave number %s of %s again, since the registered model was deleted and made "
            "anew; a number is given once, so the numbers go on from %s",
            version.version,
            model,
            above,
        )
        version = registry.register(
            model, model_uri=model_uri, run_key=run_key, tags=tags, above=above
        )
    return version


def _take(version: ModelVersion, *, store: Store, registry: Registry) -> bool:
    """Take the version's number; False if another version had it, or a greater one was given."""
    model, number, sha256 = version.model, version.version, version.tags.get(DIGEST)
    if number > greatest_number(store, model):
        return take_number(store, model, number, sha256=sha256)
    if sha256 is not None and find_holder(store, model, number) == sha256:
        return True
    if not _is_in_use(version, registry):
        return False
    take_number(store, model, number, sha256=sha256)
    return True


def _is_in_use(version: ModelVersion, registry: Registry) -> bool:
    """Whether a rollout or an alias refers to it, as of an earlier release or set by hand."""
    if ROLLOUT_TAG in version.tags:
        return True
    named = (registry.alias(version.model, one) for one in (CHAMPION, CHALLENGER, PREVIOUS))
    return any(one is not None and one.version == version.version for one in named)
