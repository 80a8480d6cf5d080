"""A trained run on any music: one file in, one answer out."""
