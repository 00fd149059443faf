"""Keep a version's card in the MLflow run of its training, beside the model and not in it."""

from __future__ import annotations

import logging

from slipway.errors import NotFound
from slipway.records.run_records import RunRecord
from slipway.records.store import Store
from slipway.stages.card.card import card_files
from slipway.stages.ports.registry import Registry
from slipway.stages.ports.tracking import Tracking
from slipway.stages.report.charts import Draw
from slipway.stages.report.version_case import read_training

logger = logging.getLogger(__name__)


def keep_card(
    promoted: RunRecord,
    *,
    store: Store,
    registry: Registry,
    tracking: Tracking,
    draw: Draw | None = None,
) -> None:
    """Write the card of a registered version into its run; a repeat writes the same bytes.

    It is made after the record of the registration, so a task that is killed between the two
    writes it when it is repeated. The version's folder and digest stay as they are.

    Args:
        promoted: Record of `promote_challenger`; without a version nothing is written.
        store: Store of the records.
        registry: Registry of the version.
        tracking: Runs of the trainings.
        draw: Draws the charts of the card; None: it has none.

    Raises:
        RegistryUnavailable: The registry does not answer.
    """
    number = promoted.verdict.numbers.get("version")
    run_id = promoted.verdict.evidence.get("mlflow_run")
    if promoted.verdict.action != "promoted" or not isinstance(number, int) or run_id is None:
        return
    try:
        version = registry.version(promoted.ref.subject, number)
        for name, data in card_files(read_training(store, version), draw).items():
            tracking.log_file(run_id, name, data)
    except NotFound as error:
        # A hand took version or run away meanwhile; what was promoted stays recorded.
        logger.warning("the card of version %s was not kept: %s", number, error)
