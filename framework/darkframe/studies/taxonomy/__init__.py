"""The taxonomy study: how the SAE's features are organised, step by step."""
