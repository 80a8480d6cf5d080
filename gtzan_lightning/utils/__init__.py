"""Atomic file writes, memoization and the cache folder."""
