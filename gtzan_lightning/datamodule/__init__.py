"""Room 3: numbers to examples."""
