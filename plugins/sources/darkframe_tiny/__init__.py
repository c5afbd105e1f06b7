"""The embedded default: a small trained language model and its SAE."""
