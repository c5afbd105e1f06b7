"""Does the SAE belong to these activations, and is it used as it wants to be? Checks by subject, each with the likely cause."""
