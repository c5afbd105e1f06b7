"""What people look at: tables, plots, the HTML page."""
