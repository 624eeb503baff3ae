"""Teaching the bundled model to read: records, training, export. Layer: faces."""
