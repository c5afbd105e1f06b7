"""``darkframe.track``: a taxonomy followed over an SAE's training checkpoints."""
