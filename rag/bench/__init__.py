"""`rag bench`: what this machine does, beside what it could do at best. Layer: faces."""
