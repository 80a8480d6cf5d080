"""Logits to metrics: predictions, confidence intervals, comparison, calibration, out-of-distribution scores."""
