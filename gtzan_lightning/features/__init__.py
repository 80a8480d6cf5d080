"""Audio or tables to arrays of features."""
