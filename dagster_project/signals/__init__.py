"""Signals: features and walk-forward models on the lake's bars, and their honest evaluation."""
