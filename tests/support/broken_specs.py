"""One project per kind of mistake in a spec, with the message that its author reads."""

from __future__ import annotations

from tests.support.broken_datasets import BROKEN_DATASETS
from tests.support.broken_gates import BROKEN_GATES
from tests.support.small_specs import MODEL
from tests.support.spec_edits import (
    DATASET_FILE,
    MODEL_FILE,
    broken_dataset,
    broken_model,
    edited,
    more,
)

BROKEN: dict[str, tuple[dict[str, str], str]] = {
    **BROKEN_GATES,
    **BROKEN_DATASETS,
    "unknown field": (
        broken_model("estimator:", "estimatr:"),
        f"{MODEL_FILE}:8: estimatr: unknown field; allowed: .*did you mean 'estimator'",
    ),
    "unknown nested field": (
        more("retraining:\n  cooldwn_days: 3\n"),
        f"{MODEL_FILE}:16: retraining.cooldwn_days: unknown field; .*mean 'cooldown_days'",
    ),
    "missing field": (
        broken_model("target: sold\n", ""),
        f"{MODEL_FILE}:1: target: is required but missing\n  hint: Label column",
    ),
    "missing nested field": (
        broken_model(", max_absolute_drop: 0.1", ""),
        f"{MODEL_FILE}:14: monitoring.performance.max_absolute_drop: is required but missing",
    ),
    "a wait for traffic beyond the step": (
        more("deployment: {shift: {without_traffic: {after_minutes: 90}}}\n"),
        f"{MODEL_FILE}:15: deployment.shift.without_traffic.after_minutes: given 90, ",
    ),
    "steps that fall": (
        more("deployment: {shift: {steps: [50, 10]}}\n"),
        f"{MODEL_FILE}:15: deployment.shift.steps: steps must rise, given .50, 10.",
    ),
    "wrong choice": (
        more("retraining: {mode: autoo}\n"),
        f"{MODEL_FILE}:15: retraining.mode: given 'autoo'; allowed: observe, .*mean 'auto'",
    ),
    "wrong choice that is no text": (
        broken_model("task: classification", "task: 5"),
        f"{MODEL_FILE}:3: task: given 5; allowed: classification, multiclass, regression$",
    ),
    "unknown metric": (
        broken_model("    roc_auc:", "    roc_au:"),
        f"{MODEL_FILE}:12: gates.metrics.roc_au: given 'roc_au'; .*did you mean 'roc_auc'",
    ),
    "text for a number": (
        more("training: {min_rows: 1_000}\n"),
        f"{MODEL_FILE}:15: training.min_rows: given '1_000'; expected a whole number\n  hint: ",
    ),
    "fraction for a whole number": (
        more("training: {min_rows: 1.5}\n"),
        "training.min_rows: given 1.5; expected a whole number",
    ),
    "number for text": (
        more("owner: 5\n"),
        f"{MODEL_FILE}:15: owner: given 5; expected text\n  hint: put it in quotes",
    ),
    "yes for true": (
        more("retraining: {on_batch: yes}\n"),
        "retraining.on_batch: given 'yes'; expected true or false\n  hint: write true or false",
    ),
    "text for a list": (
        broken_model("numeric: [price]", "numeric: price"),
        "features.numeric: given 'price'; expected a list",
    ),
    "list for a section": (
        more("training: [1]\n"),
        "training: given \\[1\\]; expected a mapping of fields",
    ),
    "nothing for a section": (
        more("training:\n"),
        f"{MODEL_FILE}:15: training: given nothing; expected a mapping .*\n  hint: nothing follows",
    ),
    "out of bounds": (
        more("training: {holdout_days: 0}\n"),
        "training.holdout_days: given 0; expected greater than or equal to 1",
    ),
    "bad name": (
        broken_model("dataset: shop", "dataset: Shop"),
        f"{MODEL_FILE}:2: dataset: given 'Shop'; expected 2 to 63 lower-case",
    ),
    "empty mapping": (
        broken_model("    roc_auc: {threshold: 0.6}", "    {}"),
        "gates.metrics: given {}; expected at least one entry",
    ),
    "written twice": (
        more("owner: a\nowner: b\n"),
        f"{MODEL_FILE}:16: owner: is written twice; first on line 15",
    ),
    "name of another folder": (
        broken_model("model: sales", "model: seals"),
        f"{MODEL_FILE}:1: model: given 'seals', but its folder is 'sales'",
    ),
    "dataset name of another folder": (
        broken_dataset("dataset: shop", "dataset: shoppe"),
        f"{DATASET_FILE}:1: dataset: given 'shoppe', but its folder is 'shop'",
    ),
    "unknown dataset": (
        broken_model("dataset: shop", "dataset: shp"),
        f"{MODEL_FILE}:2: dataset: given 'shp', which has no folder .*did you mean 'shop'",
    ),
    "unknown feature": (
        broken_model("[price]", "[price, prise]"),
        f"{MODEL_FILE}:6: features.numeric.1: given 'prise', .*features stream; .*mean 'price'",
    ),
    "text as a numeric feature": (
        {
            "models/sales/model.yaml": edited(
                edited(MODEL, "[price]", "[kind]"), "  categorical: [kind]\n", ""
            )
        },
        "features.numeric.0: 'kind' is of type string; expected boolean or integer or number",
    ),
    "number as a category": (
        {
            "models/sales/model.yaml": edited(
                edited(MODEL, "[kind]", "[price]"), "  numeric: [price]\n", ""
            )
        },
        "features.categorical.0: 'price' is of type number; expected boolean or integer or string",
    ),
    "key as a feature": (
        broken_model("[kind]", "[id]"),
        "features.categorical.0: 'id' is the dataset's key, which is never given to a model",
    ),
    "event time as a feature": (
        broken_model("[kind]", "[at]"),
        "features.categorical.0: 'at' is the dataset's event time",
    ),
    "feature twice": (
        broken_model("[kind]", "[kind, kind]"),
        f"{MODEL_FILE}:5: features: features name kind twice",
    ),
    "no feature": (
        broken_model("  numeric: [price]\n  categorical: [kind]", "  numeric: []"),
        f"{MODEL_FILE}:5: features: features must name at least one column",
    ),
    "unknown target": (
        broken_model("target: sold", "target: sould"),
        f"{MODEL_FILE}:4: target: given 'sould', .*labels stream; allowed: sold; did you mean",
    ),
    "key as the target": (
        broken_model("target: sold", "target: id"),
        f"{MODEL_FILE}:4: target: given 'id', which is no column of the labels stream",
    ),
    "target of the wrong type": (
        broken_dataset("sold: {type: boolean}", "sold: {type: string}"),
        f"{MODEL_FILE}:4: target: 'sold' is of type string; which of its two values is class 1",
    ),
    "class 1 of another type than the target": (
        broken_model("target: sold\n", "target: sold\npositive: UP\n"),
        f"{MODEL_FILE}:5: positive: is not of type boolean, as 'sold' is",
    ),
    "class 1 of a regression": (
        broken_model("task: classification\n", "task: regression\npositive: 1\n"),
        f"{MODEL_FILE}:4: positive: .*is of `task: classification` only, given regression",
    ),
    "class weights that are none": (
        more("training: {class_weights: {1: heavy}}\n"),
        f"{MODEL_FILE}:15: training.class_weights: expected `balanced`, or a number above 0",
    ),
    "class 1 that is no label": (
        broken_model("target: sold\n", "target: sold\npositive: 1.5\n"),
        f"{MODEL_FILE}:5: positive: given 1.5; ",
    ),
    "misspelt target": (
        more("deployment: bach\n"),
        (
            f"{MODEL_FILE}:15: deployment.target: given 'bach'; "
            "allowed: local, kubernetes, batch; .*mean 'batch'"
        ),
    ),
    "target that is no word": (
        more("deployment: [batch]\n"),
        f"{MODEL_FILE}:15: deployment: given \\['batch'\\]; expected a mapping of fields",
    ),
    "batch settings without batches": (
        more("deployment:\n  batch: {partition: day}\n"),
        f"{MODEL_FILE}:16: deployment.batch: has no effect: the target is local\n  hint: remove",
    ),
    "traffic without a server": (
        more("deployment:\n  target: batch\n  shift: {steps: [50]}\n"),
        f"{MODEL_FILE}:17: deployment.shift: has no effect: the target is batch\n  hint: remove",
    ),
    "partition that is none": (
        more("deployment: {target: batch, batch: {partition: week}}\n"),
        f"{MODEL_FILE}:15: deployment.batch.partition: given 'week'; allowed: day, month",
    ),
    "cron that is none": (
        more("deployment: {cron: nightly}\n"),
        f"{MODEL_FILE}:15: deployment.cron: given 'nightly'; expected a cron expression",
    ),
    "cron that never fires": (
        more("retraining: {cron: '0 0 31 2 *'}\n"),
        "retraining.cron: given '0 0 31 2 \\*'; expected a cron expression that fires",
    ),
    "cron with seconds": (
        more("retraining: {sweep: '* * * * * *'}\n"),
        "retraining.sweep: given .*; expected a cron expression",
    ),
    "no pods": (
        more("runtime: kubernetes\n"),
        f"{MODEL_FILE}:15: runtime: given 'kubernetes', which needs a pods section",
    ),
    "empty file": ({"models/sales/model.yaml": ""}, f"{MODEL_FILE}: is empty"),
    "no YAML": (
        {"models/sales/model.yaml": "model: [sales\n"},
        f"{MODEL_FILE}:2: is not YAML: ",
    ),
    "same name for dataset and model": (
        {"models/shop/model.yaml": edited(MODEL, "model: sales", "model: shop")},
        "include/models/shop/model.yaml:1: model: a dataset is called 'shop' too",
    ),
    "folder without its file": (
        {"models/other/pipeline.py": ""},
        "include/models/other/model.yaml: there is no such file",
    ),
}
"""By kind: the files that are written differently, and a pattern of the one message."""
