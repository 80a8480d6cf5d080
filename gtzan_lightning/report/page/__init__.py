"""The report as one HTML page without network: its data, and template, style and scripts that are written into it."""
