"""`rag eval`: an eval set in, numbers out. Layer: faces."""
