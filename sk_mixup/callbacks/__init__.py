"""Callbacks of a training, for the parameter `callbacks` of the estimators."""

from sk_mixup.callbacks._monitor import MixMonitor

__all__ = ["MixMonitor"]
