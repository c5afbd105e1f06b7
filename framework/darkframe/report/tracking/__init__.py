"""What people look at of a tracking: summary, tables, figures, page."""
