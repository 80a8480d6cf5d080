"""Evaluation: predictions, metrics, intervals, comparison of runs, calibration, out-of-distribution scores."""
