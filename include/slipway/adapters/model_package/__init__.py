"""A model version's folder (scikit-learn, XGBoost, skops): fitted, saved and loaded."""

from slipway.adapters.model_package.package import Package, load_package

__all__ = ["Package", "load_package"]
