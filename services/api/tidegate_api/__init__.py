"""The HTTP service: `/v1` for people and pipelines, and what watches over the service itself."""
