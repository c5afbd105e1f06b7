"""What people look at of a taxonomy: its summary, tables, figures and page."""
