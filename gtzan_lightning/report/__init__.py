"""Room 8: records to tables, figures and pages."""
