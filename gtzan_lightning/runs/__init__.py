"""Run records on disk: run folder, run card, browser and job board."""
