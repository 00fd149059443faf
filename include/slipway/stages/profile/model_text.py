"""Write the `model.yaml` of a plan."""

from __future__ import annotations

import json
from collections.abc import Iterator

from slipway.spec.metrics import METRICS
from slipway.stages.profile.bars import RARE, Bar, describe_signal
from slipway.stages.profile.categories import choose_encoding
from slipway.stages.profile.estimator_of_plan import LEARNING_RATE, choose_trees
from slipway.stages.profile.new_specs import NewSpecs
from slipway.stages.profile.protected_attributes import PROTECTED, is_protected
from slipway.stages.profile.roles import Role
from slipway.stages.profile.sizes import FEWEST_BLOCKS
from slipway.stages.profile.yaml_text import comment, quoted

_NO_EXPONENT = 1e5


def model_text(plan: NewSpecs) -> str:
    """Return the model's file."""
    lines = [*_head(plan), *_features(plan), *_estimator(plan), *_training(plan), *_gates(plan)]
    lines += [*_monitoring(plan), *_retraining(plan)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(plan: NewSpecs) -> Iterator[str]:
    target = plan.target
    yield f"# Written by `slipway new` from {comment(plan.file)}: {plan.measured.rows:,} rows."
    yield "# Comments say why; change what is wrong, then `slipway check`."
    yield f"model: {plan.model}"
    yield f"description: {quoted(f'Predicts {target.column}.')}"
    yield f"dataset: {plan.dataset}"
    yield f"task: {target.task}  # {comment(target.why_task)}"
    yield f"target: {quoted(target.column)}  # {comment(target.why)}"
    if target.positive is not None:
        share = plan.shares[target.positive]
        yield f"positive: {_label(target.positive)}  # class 1: {share:.1%} of the rows"
    if target.doubt:
        yield f"# Look at it: {comment(target.doubt)}."
    yield ""


def _label(value: str | int) -> str:
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)


def _features(plan: NewSpecs) -> Iterator[str]:
    yield "features:"
    kinds: tuple[tuple[str, Role], ...] = (("numeric", "number"), ("categorical", "category"))
    for field, role in kinds:
        listed = plan.of_role(role)
        yield f"  {field}:" if listed else f"  {field}: []"
        for one in listed:
            told = [one.why] if role == "category" else []
            told += [PROTECTED] if is_protected(one.column) else []
            note = f"  # {comment('; '.join(told))}" if told else ""
            yield f"    - {quoted(one.column.name)}{note}"
    encodings = {one.column.name: choose_encoding(one.column) for one in plan.of_role("category")}
    many = {name: one for name, one in encodings.items() if one.why}
    if many:
        yield "  encodings:"
    for name, chosen in many.items():
        yield f"    {quoted(name)}: {chosen.text}  # {comment(chosen.why)}"
    left = plan.of_role("left out", "personal")
    if left:
        yield "  # Left out; a line above brings a column back."
    for one in left:
        what = "personal data: " if one.role == "personal" else ""
        yield f"  #   {comment(one.column.name)}: {comment(what + one.why)}"
    yield ""


def _estimator(plan: NewSpecs) -> Iterator[str]:
    trees = choose_trees(plan.measured.rows)
    name = "XGBRegressor" if plan.target.task == "regression" else "XGBClassifier"
    yield "estimator:"
    yield f"  name: xgboost.{name}"
    size = f"n_estimators: {trees.count}, max_depth: {trees.depth}"
    yield f"  params: {{{size}, learning_rate: {LEARNING_RATE}}}"
    yield ""


def _training(plan: NewSpecs) -> Iterator[str]:
    sizes = plan.sizes
    yield "training:"
    yield f"  split: {sizes.split}  # {comment(sizes.why_split)}"
    if sizes.split == "time":
        yield f"  holdout_days: {sizes.holdout_days}  # about {sizes.holdout_rows:,} rows"
    yield f"  min_rows: {sizes.min_rows}"
    yield from _class_weights(plan)
    yield ""


def _class_weights(plan: NewSpecs) -> Iterator[str]:
    """Offer weights where a class is rare; ranking does not gain by them, so they are left off."""
    if not plan.shares or (rarest := min(plan.shares.values())) >= RARE:
        return
    yield f"  # The rarest class has {rarest:.1%} of the rows. With weights the model names it more"
    yield "  # often, rightly and wrongly; its scores are no probabilities then, unless they are"
    yield "  # calibrated, and metrics of ranking such as roc_auc do not get better."
    yield "  # class_weights: balanced"


def _gates(plan: NewSpecs) -> Iterator[str]:
    yield "gates:"
    yield f"  min_holdout_rows: {plan.sizes.min_holdout_rows}"
    compare = ", compare: better"
    if plan.sizes.blocks is None:
        yield "  # The holdout has too few days to tell a gain from chance; `better` can, of more."
        compare = ", compare: point, min_absolute_change: 0.0"
    elif plan.sizes.blocks == "hour":
        yield "  blocks: hour  # too few days for blocks of a day"
    yield "  metrics:"
    for bar in plan.bars:
        yield f"    # {_reached(bar)}"
        yield f"    {bar.metric}: {{threshold: {_number(bar.threshold)}{compare}}}"
        compare = ""
    yield ""


def _reached(bar: Bar) -> str:
    told = describe_signal(bar)
    asked = "at least" if METRICS[bar.metric].greater_is_better else "at most"
    where = "in between" if bar.has_signal else "just better than the constant"
    return f"{told[0].upper()}{told[1:]}; {asked} this bar {where} is asked for."


def _number(value: float) -> str:
    text = f"{value:.6g}" if abs(value) < _NO_EXPONENT else f"{value:.0f}"
    return text if any(one in text for one in ".e") else f"{text}.0"


def _monitoring(plan: NewSpecs) -> Iterator[str]:
    sizes, watched = plan.sizes, plan.bars[0]
    span = "" if sizes.span_days is None else f"  # the file spans {sizes.span_days:,.0f} days"
    yield "monitoring:"
    yield f"  window: {sizes.window}{span}"
    yield f"  min_rows: {sizes.window_rows}"
    yield "  label_horizon_days: 0  # labels come with the rows of their window"
    yield "  performance:"
    yield f"    metric: {watched.metric}"
    yield f"    max_absolute_drop: {_number(watched.drop)}"
    yield ""


def _retraining(plan: NewSpecs) -> Iterator[str]:
    sizes = plan.sizes
    yield "retraining:"
    first = "this file is enough for a first one"
    if sizes.split == "time":
        first = "the holdout and min_rows, at the pace of this file, which is enough for them"
    yield f"  first_after_labels: {sizes.first_after_labels}  # {first}"
    few = "" if sizes.blocks in {None, "key"} else f"  # {FEWEST_BLOCKS} {sizes.blocks}s or more"
    yield f"  min_new_labels: {sizes.min_new_labels}{few}"
    yield f"  cooldown_days: {sizes.cooldown_days}"
