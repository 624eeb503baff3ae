"""Where articles and vectors live. Layer: adapters."""
