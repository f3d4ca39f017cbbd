"""Signals: features, walk-forward training, and an honest word on what the predictions were worth."""

from dagster_project.signals.errors import SignalError
from dagster_project.signals.evaluation import Bin, Measures, evaluate_predictions
from dagster_project.signals.features import forward_returns, momentum_features
from dagster_project.signals.momentum import SignalReport, SignalSettings, evaluate_momentum
from dagster_project.signals.recording import EXPERIMENT, RecordedSignal, describe_signal, record_signal
from dagster_project.signals.walk_forward import Schedule, WalkForward, Weights, probability_by, walk_forward

__all__ = [
    "EXPERIMENT",
    "Bin",
    "Measures",
    "RecordedSignal",
    "Schedule",
    "SignalError",
    "SignalReport",
    "SignalSettings",
    "WalkForward",
    "Weights",
    "describe_signal",
    "evaluate_momentum",
    "evaluate_predictions",
    "forward_returns",
    "momentum_features",
    "probability_by",
    "record_signal",
    "walk_forward",
]
