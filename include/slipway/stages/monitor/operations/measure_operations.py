"""Measure operations and security of a window by the servers' metrics, and record the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.errors import BadParameter, MetricsUnavailable, NotComputable, SlipwayError
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.store import digest, encode
from slipway.records.verdicts import Verdict
from slipway.spec.operations import Operations
from slipway.stages.monitor.operations.due_operations import STAGE, UNREACHABLE, newest_operations
from slipway.stages.monitor.operations.judge_operations import judge_operations
from slipway.stages.monitor.operations.operation_figures import compute_figures
from slipway.stages.monitor.windows.earlier_windows import earlier_windows
from slipway.stages.monitor.windows.windows import parse_monitored_window

if TYPE_CHECKING:
    from slipway.records.run_context import RunContext
    from slipway.records.run_records import RunRecord
    from slipway.spec import ModelSpec
    from slipway.stages.ports.metric_history import MetricHistory


def measure_operations(
    spec: ModelSpec, *, window: str, context: RunContext, history: MetricHistory
) -> RunRecord:
    """Measure the operations of one window, once: `ok`, `degraded` or `inconclusive`.

    The window's event time is taken for the time of serving. Where Prometheus gives no answer, the
    verdict is inconclusive and a revision is due later, so that no outage of it stops the monitor.

    Args:
        spec: The model.
        window: Window and version, e.g. `2013-05-v3`.
        context: Store of the records, and origin.
        history: Metrics of the past.

    Raises:
        BadParameter: There is no such window.
    """
    monitored = parse_monitored_window(window, spec.monitoring.window)
    limits = spec.monitoring.operations or Operations()

    def work(_: Attempt) -> Verdict:
        span = monitored.window
        try:
            found = history.read(
                spec.model, version=monitored.version, start=span.start, end=span.end
            )
        except (MetricsUnavailable, BadParameter) as error:
            return _not_known(error, is_reachable=False)
        except NotComputable as error:
            return _not_known(error, is_reachable=True)
        before = earlier_windows(context.store, spec.model, monitored)
        records = (newest_operations(context.store, spec.model, one) for one in before)
        earlier = [record.verdict.numbers for record in records if record is not None]
        return judge_operations(limits, compute_figures(found), earlier=earlier)

    inputs = monitored.inputs() | {"limits": digest(encode(limits.model_dump()))[:12]}
    return perform(context, monitored.ref(spec.model, STAGE), work, inputs=inputs)


def _not_known(error: SlipwayError, *, is_reachable: bool) -> Verdict:
    found = f" ({error.found})" if error.found else ""
    hint = f"; {error.hint}" if error.hint else ""
    again = "" if is_reachable else " It is measured again later."
    reason = f"Nothing of the window is known: {error.message}{found}{hint}.{again}"
    return Verdict("inconclusive", reason, {"coverage": 0.0, UNREACHABLE: not is_reachable})
