"""The studies; each module reads as its list of steps."""
