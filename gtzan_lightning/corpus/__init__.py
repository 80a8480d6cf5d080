"""Which tracks exist: GTZAN, audio folders, published tables, and a synthetic corpus."""
