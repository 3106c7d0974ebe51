"""Real parts for tests: programs and servers that start in a moment and end with the run."""
