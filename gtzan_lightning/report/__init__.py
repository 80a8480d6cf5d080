"""Run records to tables, figures and HTML."""
