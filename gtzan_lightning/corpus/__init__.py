"""Lists of tracks: GTZAN, audio folders, the published feature tables, and a synthetic corpus."""
