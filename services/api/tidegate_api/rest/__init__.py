"""`/v1`: one module per resource, each with shapes in, use cases called, and shapes out."""
