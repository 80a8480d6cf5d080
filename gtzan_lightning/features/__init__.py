"""Room 2: audio or tables to numbers."""
