"""Typed schema, Hydra composition, override checks and the config hash."""
