"""GPT-2 small with its residual-stream SAEs, and every other SAE that SAELens can open."""
