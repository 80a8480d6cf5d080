"""Features of a corpus: published tables and audio files as arrays."""
