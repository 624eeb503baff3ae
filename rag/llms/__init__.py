"""Chat models. Layer: adapters."""
