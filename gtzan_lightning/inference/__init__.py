"""Using a trained run: predictions for audio files and export."""
