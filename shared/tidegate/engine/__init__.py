"""Use cases: create, advance, stop, roll back, follow, sweep."""
