"""SAEs trained with EleutherAI's sparsify: those of Pythia, and any other."""
