"""The adapters that measure performance, as the product has them."""

from __future__ import annotations

from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.stages.monitor.performance.compared_model import PerformanceTools
from slipway.wiring.gate_tools import gate_tools


def performance_tools() -> PerformanceTools:
    """Real adapters, with learners of models without a `pipeline.py`."""
    return PerformanceTools(
        gate_tools(), load_package, lambda spec, dataset: SklearnLearner(spec, dataset, None)
    )
