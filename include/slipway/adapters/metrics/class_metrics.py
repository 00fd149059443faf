"""Metrics of classes, with defined values where scikit-learn warns or depends on what occurs."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import metrics

from slipway.stages.model.reliability import CALIBRATION_BINS, calibration_bins

Array = np.ndarray[Any, Any]


def log_loss(labels: Array, scores: Array) -> float:
    """Return the mean negative logarithm of the probability of the class that turned out."""
    if scores.ndim == 1:
        return float(metrics.log_loss(labels, scores, labels=(0, 1)))
    # Probabilities in single precision add up to 1 less exactly than scikit-learn asks for.
    shares = scores / scores.sum(axis=1, keepdims=True)
    return float(metrics.log_loss(labels, shares, labels=range(scores.shape[1])))


def expected_calibration_error(labels: Array, scores: Array) -> float:
    """Return how far probabilities lie from the shares that turned out, over ten bins of both.

    Of more than two classes the probability of the most likely one, and whether it is right.

    Source:
        Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3.
    """
    chances, outcomes, bins = calibration_bins(labels, scores)
    gaps = np.bincount(bins, chances - outcomes, CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def balanced_accuracy(labels: Array, predicted: Array) -> float:
    """Return the mean recall of the classes that turned out."""
    occurring = np.unique(labels)
    return float(
        metrics.recall_score(labels, predicted, average="macro", labels=occurring, zero_division=0)
    )


def roc_auc_ovr(labels: Array, scores: Array) -> float:
    """Return the mean area under the curve of each class that turned out against the others."""
    areas = [metrics.roc_auc_score(labels == one, scores[:, one]) for one in np.unique(labels)]
    return float(np.mean(areas))


def quadratic_kappa(labels: Array, predicted: Array) -> float:
    """Return Cohen's kappa, weighted by the squared distance of ordered classes."""
    count = int(max(labels.max(), predicted.max())) + 1
    # With one class in labels and predictions it is 0 / 0.
    with np.errstate(invalid="ignore"):
        kappa = metrics.cohen_kappa_score(
            labels, predicted, labels=range(count), weights="quadratic"
        )
    return float(kappa)
