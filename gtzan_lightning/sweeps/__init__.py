"""Multirun execution: plan, live display, resuming, launchers and hyperparameter search."""
