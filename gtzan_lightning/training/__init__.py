"""Fitting: objects from a config, callbacks, checkpoints, resuming and results."""
