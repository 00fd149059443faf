"""Fit, save and load a model version's folder (scikit-learn, XGBoost, skops)."""

from slipway.adapters.model_package.package import Package, load_package

__all__ = ["Package", "load_package"]
