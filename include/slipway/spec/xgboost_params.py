"""Names of the parameters that XGBoost knows: it takes any name, and a fit ignores the others."""

from __future__ import annotations

_WRAPPER = frozenset(
    [
        "base_score",
        "booster",
        "callbacks",
        "colsample_bylevel",
        "colsample_bynode",
        "colsample_bytree",
        "device",
        "early_stopping_rounds",
        "enable_categorical",
        "eval_metric",
        "feature_types",
        "feature_weights",
        "gamma",
        "grow_policy",
        "importance_type",
        "interaction_constraints",
        "learning_rate",
        "max_bin",
        "max_cat_threshold",
        "max_cat_to_onehot",
        "max_delta_step",
        "max_depth",
        "max_leaves",
        "min_child_weight",
        "missing",
        "monotone_constraints",
        "multi_strategy",
        "n_estimators",
        "n_jobs",
        "num_parallel_tree",
        "objective",
        "random_state",
        "reg_alpha",
        "reg_lambda",
        "sampling_method",
        "scale_pos_weight",
        "subsample",
        "tree_method",
        "validate_parameters",
        "verbosity",
    ]
)
"""Of its scikit-learn classes; a test compares them with the installed ones."""

_BOOSTER = frozenset(
    [
        "aft_loss_distribution",
        "aft_loss_distribution_scale",
        "alpha",
        "disable_default_eval_metric",
        "eta",
        "extmem_single_page",
        "feature_selector",
        "huber_slope",
        "lambda",
        "max_cached_hist_node",
        "min_split_loss",
        "normalize_type",
        "nthread",
        "num_class",
        "one_drop",
        "process_type",
        "quantile_alpha",
        "rate_drop",
        "refresh_leaf",
        "sample_type",
        "seed",
        "seed_per_iteration",
        "skip_drop",
        "top_k",
        "tweedie_variance_power",
        "updater",
    ]
)
"""Further ones of the booster, which the classes hand on."""

XGBOOST_PARAMS = _WRAPPER | _BOOSTER
