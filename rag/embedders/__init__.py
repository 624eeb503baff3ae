"""Texts to vectors. Layer: adapters."""
