"""Room 5: logits to evidence."""
