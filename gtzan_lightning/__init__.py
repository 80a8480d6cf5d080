"""Music genre classification on GTZAN: audio or feature tables in, scores that state how they were obtained out."""

__version__ = "0.1.0"
