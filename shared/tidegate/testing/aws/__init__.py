"""A stand-in for AWS: moto's server, mended where a deployment would notice a difference.

`python -m tidegate.testing.aws` takes moto's arguments. It needs the extra `demo`.
"""
