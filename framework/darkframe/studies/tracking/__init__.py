"""Tracking: how a taxonomy changes over an SAE's training checkpoints."""
