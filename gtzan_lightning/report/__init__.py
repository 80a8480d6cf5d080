"""Reports on runs: console tables, Markdown, figures and an HTML page."""
