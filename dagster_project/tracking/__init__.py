"""Tracking: MLflow runs, the ledger of trials, and the registry of strategy versions."""
