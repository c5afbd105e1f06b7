"""Steps of the studies, one module each; every step is a function of its inputs and is kept in the run directory."""
