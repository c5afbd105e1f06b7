"""The clustering modules of artlib (Adaptive Resonance Theory) as clusterers."""
