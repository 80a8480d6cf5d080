"""Room 6: evidence about the evidence. Leaks, duplicates, placebo labels."""
