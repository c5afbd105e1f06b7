"""Run directories and the activation cache: manifests, append-only arrays, atomic writes, resume."""
