"""Use of a trained run: predictions for audio files, and export."""
