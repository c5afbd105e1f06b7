"""Shared helpers of the scripts that build the embedded model of darkframe."""
