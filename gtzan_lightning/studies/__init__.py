"""Analyses over many runs: leakage ladder, protocol ablation, published claims and rankings."""
