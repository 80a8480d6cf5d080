"""Several jobs of one command: what is planned, and what a search tries next."""
