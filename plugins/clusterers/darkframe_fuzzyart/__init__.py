"""Exact Fuzzy ART and SMART, fast."""
