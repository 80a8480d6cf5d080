"""Leakage audit: checks of splits and runs, duplicate detection, random-label control, model info sheet."""
