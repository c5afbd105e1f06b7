"""Activations, tokens and a dictionary that somebody collected already, from files of arrays."""
