"""The trials of a search: order, budget and ends, on made-up scores."""

from __future__ import annotations

import pytest

from slipway.errors import SpecError, Superseded
from slipway.spec.model import Estimator
from slipway.stages.search.journal import Journal
from slipway.stages.search.run_trials import reported
from slipway.stages.search.trials import Candidate, Trial
from tests.fakes.memory_store import MemoryStore
from tests.support.scripted_search import RIDGE, Scripted, attempt, run


def test_the_specs_own_parameters_come_first_and_then_the_trials() -> None:
    """Each on every fold."""
    script = Scripted()
    trials = run(script)
    assert [one.candidate.name for one in trials] == ["own", *(f"trial {n}" for n in range(1, 6))]
    assert script.fits == [(float(n), fold) for n in range(6) for fold in range(3)]
    assert [one.value for one in script.told] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_hopeless_trial_costs_one_fit() -> None:
    """It is kept as pruned, with the scores that it has."""
    script = Scripted(hopeless=[2.0])
    trials = run(script)
    assert (trials[2].state, trials[2].scores) == ("pruned", (2.0,))
    assert script.fits.count((2.0, 1)) == 0
    assert [one.value for one in script.told] == [1.0, None, 3.0, 4.0, 5.0]


def test_without_pruning_every_trial_is_measured_on_all_folds() -> None:
    """The study is not asked."""
    trials = run(Scripted(hopeless=[1.0, 2.0, 3.0]), pruning=False)
    assert {one.state for one in trials} == {"complete"}


def test_an_earlier_attempts_trials_are_not_repeated() -> None:
    """The next attempt goes on with the first number that nobody has finished."""
    store = MemoryStore()
    first = Scripted()
    run(first, store, trials=2)
    second = Scripted()
    trials = run(second, store)
    assert [one.number for one in trials] == list(range(6))
    assert second.fits == [(float(n), fold) for n in (3, 4, 5) for fold in range(3)]


def test_time_of_earlier_attempts_counts() -> None:
    """A training that is killed again and again does not search for ever."""
    store = MemoryStore()
    run(Scripted(), store, trials=2, minutes=10 / 60)
    second = Scripted()
    trials = run(second, store, minutes=10 / 60)
    # 9 seconds were spent; one more fit begins before the tenth ends, and its trial is left.
    assert second.fits == [(3.0, 0)]
    assert [one.number for one in trials] == [0, 1, 2]


def test_a_superseded_attempt_keeps_no_trial() -> None:
    """The newer one does this work."""
    store = MemoryStore()
    journal = Journal(attempt(store), "abc")
    attempt(store)
    with pytest.raises(Superseded):
        run(Scripted(), journal=journal)
    assert journal.read() == []


def test_a_refused_trial_is_kept_with_its_reason_and_the_first_one_is_an_error() -> None:
    """Parameters of the spec itself have to work."""
    script = Scripted(broken=[2.0])
    trials = run(script)
    assert (trials[2].state, trials[2].reason) == (
        "failed",
        "Ridge cannot learn sales: alpha is odd",
    )
    assert script.told[1].has_failed
    with pytest.raises(SpecError, match="Ridge cannot learn sales"):
        run(Scripted(broken=[0.0]))


def test_equal_values_are_fitted_once() -> None:
    """A twin's scores are the trial's."""
    script = Scripted(values={1: 7.0, 2: 7.0, 3: 7.0, 4: 7.0, 5: 7.0})
    trials = run(script)
    assert script.fits.count((7.0, 0)) == 1
    assert [one.scores for one in trials[1:]] == [(7.0, 7.0, 7.0)] * 5


def test_recipes_beyond_the_budget_are_left_out() -> None:
    """The first two are judged however long it takes."""
    recipes = [Candidate(f"r{n}", Estimator(name=RIDGE, params={"alpha": n}), {}) for n in range(5)]
    script = Scripted()
    trials = run(script, given=recipes, always=2, is_study=False, minutes=1e-6)
    assert [one.candidate.name for one in trials] == ["r0", "r1"]


def test_a_report_is_the_mean_gain_over_the_specs_own_parameters() -> None:
    """So that a hard fold is no reason to end a trial."""
    assert reported([0.7, 0.5], own=[0.6, 0.6]) == pytest.approx([0.1, 0.0])


def test_a_trial_survives_json() -> None:
    """With whole and real numbers as they were."""
    estimator = Estimator(name=RIDGE, params={"alpha": 1.0, "max_iter": 3})
    trial = Trial(3, Candidate("trial 3", estimator, {"alpha": 1.0}), (0.5, 0.25), "pruned", 1.5)
    store = MemoryStore()
    journal = Journal(attempt(store), "abc")
    journal.keep(trial)
    assert journal.read() == [trial]


JUNK = [
    b"",
    b'{"number": 2, "candi',
    b"[]",
    b'{"number": 2}',
    b"[" * 100_000,
    (
        b'{"number": 2, "candidate": {"name": "x", "estimator": null, "searched": {}},'
        b' "scores": [], "state": "complete", "seconds": 1, "reason": "", "spent_s": 1}'
    ),
    (
        b'{"number": 2, "candidate": {"name": "x", "estimator": null, "searched": {}},'
        b' "scores": [1, NaN], "state": "complete", "seconds": 1, "reason": "", "spent_s": 1}'
    ),
]


@pytest.mark.parametrize("junk", JUNK)
def test_what_is_no_trial_is_named_and_passed_over(
    junk: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A file beside the trials, and one in the place of a trial, which is run again and kept."""
    store = MemoryStore()
    journal = Journal(attempt(store), "abc")
    for name in ("0002.json", "notes.txt", "9999.json", "deep/0001.json"):
        store.write(f"{journal.folder}/{name}", junk)
    trials = run(Scripted(), journal=journal)
    assert [one.number for one in trials] == list(range(6))
    told = [one for one in caplog.messages if "holds no trial of its number" in one]
    assert len(told) == 4
    assert f"{journal.folder}/notes.txt" in "".join(told)
    assert [one.number for one in Journal(attempt(store), "abc").read()] == list(range(6))


def test_a_trial_under_another_number_does_not_count() -> None:
    """A copy of one that ended well would be two."""
    store = MemoryStore()
    journal = Journal(attempt(store), "abc")
    run(Scripted(), journal=journal, trials=2)
    store.write(f"{journal.folder}/0007.json", store.read(f"{journal.folder}/0001.json"))
    assert [one.number for one in journal.read()] == [0, 1, 2]
