"""Each stage by its name, given the tools it needs.

The same call serves Airflow's tasks, pods and the shell; stages are imported when they run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.records import requests
from slipway.spec.problems import nearest
from slipway.wiring.workshop import Workshop

if TYPE_CHECKING:
    from slipway.records.runs import RunRecord, Verdict
    from slipway.stages.watching import Due


@dataclass(frozen=True)
class Call:
    """One stage about to run.

    Attributes:
        shop: Its tools.
        given: Its arguments.
        origin: Who runs it.
    """

    shop: Workshop
    given: Mapping[str, Any]
    origin: Mapping[str, Any]

    def model_and_dataset(self) -> tuple[Any, Any]:
        """Specs of the model that is asked for, and of its dataset."""
        model = self.shop.model(self.given["model"])
        return model, self.shop.dataset(model.dataset)

    def request(self) -> requests.Request:
        """The retrain request that is worked on."""
        return requests.read_request(
            self.shop.store, self.given["model"], int(self.given["request"])
        )


def run_stage(
    name: str,
    arguments: Mapping[str, Any],
    *,
    origin: Mapping[str, Any],
    shop: Workshop | None = None,
) -> RunRecord | Verdict:
    """Run one stage and return what it decided.

    Args:
        name: Of the stage.
        arguments: Its own: see `STAGES`.
        origin: Who runs it: DAG, run, try, person.
        shop: Its tools; the environment's when not given.

    Raises:
        BadParameter: There is no such stage, or an argument is missing or unknown.
        SlipwayError: The stage could not be done.
    """
    stage = STAGES.get(name)
    if stage is None:
        close = nearest(name, STAGES)
        raise BadParameter(
            f"there is no stage {name!r}",
            expected=f"one of {', '.join(STAGES)}",
            hint=f"did you mean {close!r}?" if close else None,
        )
    stage.check(name, arguments)
    return stage.run(Call(shop or Workshop(), arguments, origin))


def claim(
    *, dataset: str, batch: str | None = None, shop: Workshop | None = None
) -> dict[str, Any]:
    """Deliveries that wait, in order, and the fingerprint that acknowledges them."""
    from slipway.stages import ingestion

    shop = shop or Workshop()
    return ingestion.claim(shop.dataset(dataset), store=shop.store, batch=batch).to_json()


def acknowledge(*, dataset: str, fingerprint: str, shop: Workshop | None = None) -> bool:
    """Acknowledge what was claimed, if all of it is registered; whether it was."""
    from slipway.stages import ingestion

    shop = shop or Workshop()
    return ingestion.acknowledge(shop.dataset(dataset), store=shop.store, fingerprint=fingerprint)


def collect(*, model: str, shop: Workshop | None = None) -> Due:
    """Windows of predictions that nobody has measured yet."""
    from slipway.stages import monitoring

    shop = shop or Workshop()
    spec = shop.model(model)
    return monitoring.collect(
        spec,
        shop.dataset(spec.dataset),
        store=shop.store,
        tables=shop.tables,
        registry=shop.registry,
        log=shop.log,
        platform=shop.platform,
    )


def _ingest(call: Call) -> RunRecord:
    from slipway.stages import ingestion

    return ingestion.ingest(
        call.shop.dataset(call.given["dataset"]),
        stream=call.given["stream"],
        batch=call.given["batch"],
        file=call.given["file"],
        store=call.shop.store,
        tables=call.shop.tables,
        files=call.shop.files,
        suites=call.shop.suites,
        origin=call.origin,
    )


def _accept(call: Call) -> Verdict:
    from slipway.stages import retraining

    return retraining.accept(
        *call.model_and_dataset(),
        asked=call.given.get("asked"),
        store=call.shop.store,
        tables=call.shop.tables,
        registry=call.shop.registry,
        origin=call.origin,
    )


def _snapshot(call: Call) -> RunRecord:
    from slipway.stages import training

    return training.snapshot(
        *call.model_and_dataset(),
        request=call.request(),
        store=call.shop.store,
        tables=call.shop.tables,
        origin=call.origin,
    )


def _train(call: Call) -> RunRecord:
    from slipway.stages import training

    model, dataset = call.model_and_dataset()
    return training.train(
        model,
        dataset,
        request=call.request(),
        store=call.shop.store,
        tables=call.shop.tables,
        learner=call.shop.learner(model, dataset),
        tracking=call.shop.tracking,
        code=call.shop.code(),
        origin=call.origin,
    )


def _evaluate(call: Call) -> RunRecord:
    from slipway.adapters.metrics import measure
    from slipway.adapters.model_package import load_package
    from slipway.stages import evaluation

    return evaluation.evaluate(
        *call.model_and_dataset(),
        request=call.request(),
        store=call.shop.store,
        tables=call.shop.tables,
        registry=call.shop.registry,
        tracking=call.shop.tracking,
        load=load_package,
        measure=measure,
        origin=call.origin,
    )


def _gate(call: Call) -> RunRecord:
    from slipway.stages import promotion

    return promotion.gate_challenger(
        call.shop.model(call.given["model"]),
        request=call.request(),
        store=call.shop.store,
        origin=call.origin,
    )


def _promote_challenger(call: Call) -> RunRecord:
    from slipway.stages import promotion

    return promotion.promote_challenger(
        call.shop.model(call.given["model"]),
        request=call.request(),
        store=call.shop.store,
        registry=call.shop.registry,
        origin=call.origin,
    )


def _answer(call: Call) -> Verdict:
    from slipway.stages import retraining

    return retraining.answer(
        call.shop.model(call.given["model"]),
        request=call.request(),
        store=call.shop.store,
        origin=call.origin,
    )


def _reconcile(call: Call) -> RunRecord:
    from slipway.stages import rollout

    return rollout.reconcile(
        call.shop.model(call.given["model"]),
        to=str(call.given.get("to") or "challenger"),
        holder="/".join(str(call.origin.get(key, "")) for key in ("dag_id", "run_id")),
        store=call.shop.store,
        registry=call.shop.registry,
        platform=call.shop.platform,
        origin=call.origin,
    )


def _verify(call: Call) -> RunRecord:
    from slipway.adapters.model_package import load_package
    from slipway.stages import rollout

    return rollout.verify(
        *call.model_and_dataset(),
        rollout=call.given["rollout"],
        store=call.shop.store,
        registry=call.shop.registry,
        platform=call.shop.platform,
        tables=call.shop.tables,
        load=load_package,
        origin=call.origin,
    )


def _switch(call: Call) -> RunRecord:
    from slipway.stages import rollout

    return rollout.switch(
        call.shop.model(call.given["model"]),
        rollout=call.given["rollout"],
        store=call.shop.store,
        registry=call.shop.registry,
        platform=call.shop.platform,
        origin=call.origin,
    )


def _promote_champion(call: Call) -> RunRecord:
    from slipway.stages import rollout

    return rollout.promote_champion(
        call.shop.model(call.given["model"]),
        rollout=call.given["rollout"],
        store=call.shop.store,
        registry=call.shop.registry,
        platform=call.shop.platform,
        origin=call.origin,
    )


def _drift(call: Call) -> RunRecord:
    from slipway.stages import monitoring

    return monitoring.measure_drift(
        *call.model_and_dataset(),
        window=call.given["window"],
        store=call.shop.store,
        registry=call.shop.registry,
        log=call.shop.log,
        reports=call.shop.reports,
        origin=call.origin,
    )


def _performance(call: Call) -> RunRecord:
    from slipway.adapters.metrics import measure
    from slipway.stages import monitoring

    return monitoring.measure_performance(
        *call.model_and_dataset(),
        window=call.given["window"],
        store=call.shop.store,
        registry=call.shop.registry,
        tables=call.shop.tables,
        log=call.shop.log,
        measure=measure,
        origin=call.origin,
    )


def _decide(call: Call) -> Verdict:
    from slipway.stages import monitoring

    return monitoring.decide(
        *call.model_and_dataset(),
        store=call.shop.store,
        tables=call.shop.tables,
        registry=call.shop.registry,
        log=call.shop.log,
        origin=call.origin,
    )


@dataclass(frozen=True)
class Stage:
    """A stage that can be run by name.

    Attributes:
        run: Wires and runs it.
        needs: Arguments that have to be given.
        takes: Arguments that may be given as well.
    """

    run: Callable[[Call], Any]
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()

    def check(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Make sure that the arguments are those that the stage takes.

        Raises:
            BadParameter: One is missing or unknown.
        """
        missing = [word for word in self.needs if arguments.get(word) in (None, "")]
        unknown = sorted(set(arguments) - {*self.needs, *self.takes})
        if missing or unknown:
            optional = "".join(f" [--{word} …]" for word in self.takes)
            raise BadParameter(
                f"stage {name!r} cannot run with these arguments",
                expected=" ".join(f"--{word} …" for word in self.needs) + optional,
                found=f"missing: {', '.join(missing) or 'none'}; "
                f"unknown: {', '.join(unknown) or 'none'}",
            )


STAGES: dict[str, Stage] = {
    "ingest": Stage(_ingest, ("dataset", "stream", "batch", "file")),
    "accept": Stage(_accept, ("model",), ("asked",)),
    "snapshot": Stage(_snapshot, ("model", "request")),
    "train": Stage(_train, ("model", "request")),
    "evaluate": Stage(_evaluate, ("model", "request")),
    "gate": Stage(_gate, ("model", "request")),
    "promote_challenger": Stage(_promote_challenger, ("model", "request")),
    "answer": Stage(_answer, ("model", "request")),
    "reconcile": Stage(_reconcile, ("model",), ("to",)),
    "verify": Stage(_verify, ("model", "rollout")),
    "switch": Stage(_switch, ("model", "rollout")),
    "promote_champion": Stage(_promote_champion, ("model", "rollout")),
    "drift": Stage(_drift, ("model", "window")),
    "performance": Stage(_performance, ("model", "window")),
    "decide": Stage(_decide, ("model",)),
}
"""Every stage, in the order of the ring."""
