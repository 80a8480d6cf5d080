"""A trained run as one file for other programs, with its preprocessing beside it as plain data."""
