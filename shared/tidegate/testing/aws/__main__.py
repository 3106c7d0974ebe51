"""Serves the stand-in until it is ended."""

import sys

from tidegate.testing.aws.server import serve

if __name__ == "__main__":
    serve(sys.argv[1:])
