"""HTML report, LaTeX tables, figures and terminal output."""
