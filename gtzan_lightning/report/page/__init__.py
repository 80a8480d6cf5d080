"""The report as one self-contained HTML page: its data, template, styles and scripts."""
