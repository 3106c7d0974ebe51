"""Serves the stand-in until it is ended; whoever can reach it can have it run anything."""

import sys

from tidegate.testing.aws.server import serve

if __name__ == "__main__":
    serve(sys.argv[1:], runs_commands=True)
