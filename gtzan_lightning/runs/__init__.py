"""Room 7: evidence to record."""
