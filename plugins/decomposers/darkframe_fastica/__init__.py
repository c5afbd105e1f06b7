"""FastICA and Picard-O on the residual."""
