"""HDBSCAN as a clusterer of darkframe."""
