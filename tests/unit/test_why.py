"""`slipway why`: five lines about a model, and one more for each version that the registry lost."""

from __future__ import annotations

import pytest

from slipway.errors import PlatformUnavailable
from slipway.records import requests
from slipway.records.verdicts import Number, Verdict
from slipway.stages.report.why import why
from slipway.stages.rollout.platform import Served
from tests.fakes.fixed_status import FixedPlatform, FixedRegistry
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MonitoringRegistry
from tests.support.why_env import MODEL, TAGS, WhyEnv, passed


class Down:
    """A platform that does not answer."""

    def served(self, model: str) -> Served | None:
        """Raise."""
        raise PlatformUnavailable(f"no answer about {model}")


def test_a_new_model_has_five_lines_too() -> None:
    """Before the first model every line has a text for nothing."""
    told = why(
        MODEL, store=MemoryStore(), registry=MonitoringRegistry(MODEL), platform=FixedPlatform()
    )
    assert told == [
        "Served: nothing; no version of ferry_delay is champion.",
        "Since: no version has become champion yet.",
        "Evidence: none yet.",
        "Refused: nothing so far.",
        "Next: the first model, once enough labels have arrived.",
    ]


def test_a_serving_champion_has_its_history() -> None:
    """Version, rollout, metrics, the reason of the training, and the last refusal."""
    env = WhyEnv()
    env.record("request-000003", "gate", Verdict("refuse", "refused: roc_auc 0.5 is too low"))
    env.record("decide-2013-05-v2-0a", "decide", Verdict("nothing", "0 of 1 windows drift."))
    told = env.lines()
    assert told["Served"] == "ferry_delay version 2."
    assert told["Since"].endswith("UTC (rollout-000002): Version 2 is champion.")
    assert told["Evidence"] == (
        "roc_auc 0.7312 on its holdout; trained because: 2 of the last 3 windows are drifting."
    )
    assert told["Refused"].endswith("gate request-000003: refused: roc_auc 0.5 is too low")
    assert told["Next"] == "the monitor goes on; its last verdict: 0 of 1 windows drift."


def test_a_signature_that_does_not_count_is_named_with_its_way_out() -> None:
    """Of what serves, and of a challenger, at which the next rollout stops."""
    env = WhyEnv()
    refusal = "version {0} of ferry_delay is not signed, found none; `slipway sign` signs it"
    env.signature_of = lambda version: f"refused: {refusal.format(version.version)}"
    told = env.lines()
    assert told["Not usable"] == f"{refusal.format(2)}."
    assert told["Next"] == "the monitor looks at the first window that closes."
    env = WhyEnv(challenger=3)
    env.record("request-000002", "promote_challenger", passed(3))
    env.signature_of = lambda one: "signed by 0a" if one.version == 2 else "refused: not signed"
    told = env.lines()
    assert told["Not usable"] == "not signed."
    assert told["Next"] == (
        "deploy stops at version 3, whose signature does not count; `slipway sign ferry_delay` "
        "signs what the ledger knows."
    )
    env.signature_of = lambda _: "signed by 0a"
    assert env.lines()["Next"] == "version 3 is challenger and waits for deploy."


def test_operations_that_are_not_well_have_a_line_of_their_own() -> None:
    """Until a later window is well."""
    env = WhyEnv()
    env.record("window-2013-04-v2", "operations", Verdict("degraded", "2.00% of requests failed."))
    told = env.lines()["Operations"]
    assert told == "degraded, window-2013-04-v2: 2.00% of requests failed."
    env.record("window-2013-05-v2", "operations", Verdict("ok", "All is well."))
    assert "Operations" not in env.lines()


def test_the_monitors_verdict_on_an_earlier_champion_is_not_told() -> None:
    """A new champion's windows are its own."""
    env = WhyEnv()
    env.record("decide-2013-05-v1-0a", "decide", Verdict("nothing", "0 of 1 windows drift."))
    assert env.lines()["Next"] == "the monitor looks at the first window that closes."


def test_an_imported_champion_has_its_source() -> None:
    """Its metrics and the reason of its training are the source's."""
    env = WhyEnv()
    env.registry.tags[2] = TAGS | {
        "slipway.source.registry": "https://mlflow.example.org",
        "slipway.source.version": "7",
    }
    told = env.lines()["Evidence"]
    assert "; brought here as version 7 of https://mlflow.example.org; trained" in told


def test_an_edited_tag_hides_nothing_else() -> None:
    """A hand may have put anything into a metric's tag."""
    env = WhyEnv()
    env.registry.tags[2] = {"slipway.metric.roc_auc": "good", "slipway.metric.rmse": "3"}
    assert env.lines()["Evidence"].startswith("rmse 3.0000, roc_auc not known on its holdout")


def test_an_inconclusive_rollout_counts_as_refused() -> None:
    """A step with too few requests; an inconclusive window does not count."""
    env = WhyEnv()
    unsure = Verdict("inconclusive", "Version 3: at 10 % it was asked 7 times.", {"version": 3})
    env.record("rollout-000003", "shift_10", unsure)
    env.record("window-2013-05-v2", "drift", Verdict("inconclusive", "Too few rows."))
    told = env.lines()["Refused"]
    assert told.endswith("shift_10 rollout-000003: Version 3: at 10 % it was asked 7 times.")


def test_the_next_line_has_the_current_work() -> None:
    """An accepted request precedes a waiting challenger, and that the monitor."""
    env = WhyEnv(challenger=3)
    assert env.lines()["Next"] == "version 3 is challenger and waits for deploy."
    requests.decide(env.store, env.ask(), action="accept", reason="Accepted.")
    assert env.lines()["Next"] == "request 1 (person) is being worked on: New code"


@pytest.mark.parametrize(
    ("outcome", "stage", "verdict", "told"),
    [
        (
            "refused",
            "verify",
            Verdict("refused", "Version 3 may not serve: it is slow.", {"version": 3}),
            "was refused, because version 3 may not serve: it is slow; the monitor",
        ),
        (
            "aborted",
            "shift_10",
            Verdict("aborted", "Version 3: it failed 9 times.", {"version": 3}),
            "was refused (aborted), because version 3: it failed 9 times; the monitor",
        ),
        (
            "rolled_back",
            "reconcile",
            Verdict("roll_back", "A return to version 2 was asked for.", {"champion": 3}),
            "was rolled back, because a return to version 2 was asked for; the monitor",
        ),
        (
            "refused",
            "verify",
            Verdict("refused", "Another one.", {"version": 4}),
            "was refused before; the monitor",
        ),
    ],
)
def test_a_refused_challenger_does_not_wait_for_deploy(
    outcome: str, stage: str, verdict: Verdict, told: str
) -> None:
    """Case 8: it was refused, because of what the ledger says of it."""
    env = WhyEnv(challenger=3)
    env.registry.tags[3] = {"slipway.rollout": outcome}
    env.record("rollout-000009", stage, verdict)
    assert env.lines()["Next"].startswith(f"version 3, the challenger, {told}")


def test_a_return_is_told_by_the_rollout_that_took_the_version_back() -> None:
    """A later rollback of another version, while this one waited, is not its reason."""
    env = WhyEnv(challenger=3)
    env.registry.tags[3] = {"slipway.rollout": "rolled_back"}
    shared = "Version 3 shares the traffic with version 2."
    numbers: dict[str, Number] = {"version": 2, "champion": 2, "challenger": 3, "canary": 3}
    env.record("rollout-000008", "reconcile", Verdict("repair", shared, numbers))
    other = {"version": 1, "champion": 2, "challenger": 3, "served": 2}
    env.record("rollout-000009", "reconcile", Verdict("roll_back", "Back to 1.", other))
    assert "was rolled back, because version 3 shares the traffic" in env.lines()["Next"]
    begun: dict[str, Number] = {"version": 2, "champion": 3}
    env.record("rollout-000010", "reconcile", Verdict("roll_back", "Back to 2.", begun))
    env.record("rollout-000010", "verify", Verdict("refused", "No.", {"version": 2}))
    assert "was rolled back, because version 3 shares the traffic" in env.lines()["Next"]


def test_a_refusal_of_an_earlier_version_of_the_same_number_is_not_told() -> None:
    """Cases 3 and 8: numbers begin anew with a registered model that was made anew."""
    env = WhyEnv(challenger=3)
    env.record("rollout-000009", "verify", Verdict("refused", "Old bytes.", {"version": 3}))
    env.record("request-000008", "promote_challenger", passed(3))
    env.registry.tags[3] = {"slipway.rollout": "refused"}
    assert "was refused before" in env.lines()["Next"]


def test_a_lost_champion_has_a_line_of_its_own() -> None:
    """Case 4: what serves, what MLflow has of it, the way out, and its evidence by the ledger."""
    env = WhyEnv()
    env.registry.aliases.clear()
    env.registry.deleted = {2}
    told = env.lines()
    assert told["Served"] == (
        "ferry_delay: version 2 is served and no version is champion; deploy leaves it so."
    )
    assert told["Lost"].startswith(
        "the champion, version 2, is lost: MLflow has no version 2 of ferry_delay. Way out: ask "
    )
    assert told["Since"].endswith("Version 2 is champion.")
    assert told["Evidence"] == "roc_auc 0.7312 on its holdout, by the ledger."
    assert told["Next"] == (
        "a person has to restore the champion or replace it; until then nothing is monitored and "
        "no request is due."
    )


def test_a_promotion_of_another_version_is_no_history_of_this_one() -> None:
    """Case 1: a killed rollout has moved the alias, and its promotion is not recorded."""
    env = WhyEnv(champion=2)
    env.registry.aliases["champion"] = 1
    told = env.lines()["Since"]
    assert told.startswith("the ledger has no promotion of version 1; its newest is ")
    assert told.endswith("(rollout-000002): Version 2 is champion.")


def test_a_platform_outage_is_in_the_first_line() -> None:
    """No version is claimed to be served during an outage, and no rollout to be next."""
    env = WhyEnv(challenger=3)
    env.platform = Down()
    told = env.lines()
    assert told["Served"].startswith("ferry_delay: what is served is not known: no answer")
    assert told["Next"] == "not known while what is served is not known."


def test_a_registry_outage_hides_nothing_else() -> None:
    """What serves is told from the platform, its evidence from the ledger."""
    env = WhyEnv()
    told = dict(
        line.split(": ", 1)
        for line in why(
            MODEL,
            store=env.store,
            registry=FixedRegistry(answers=False),
            platform=FixedPlatform({2: 1.0}),
        )
    )
    assert told["Served"] == (
        "ferry_delay: version 2 is served; which version is champion is not known: MLflow does "
        "not answer."
    )
    assert told["Evidence"] == "roc_auc 0.7312 on its holdout, by the ledger."
    assert told["Next"] == "not known: MLflow does not answer."


def test_both_outages_are_told() -> None:
    """The ledger and the requests are all that is left."""
    env = WhyEnv()
    told = why(MODEL, store=env.store, registry=FixedRegistry(answers=False), platform=Down())
    assert told[0] == (
        "Served: ferry_delay: what is served is not known: no answer about ferry_delay; which "
        "version is champion is not known: MLflow does not answer."
    )
