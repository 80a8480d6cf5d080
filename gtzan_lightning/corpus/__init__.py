"""Room 1: which tracks exist."""
