"""Leakage checks, duplicate detection and the random-label control."""
