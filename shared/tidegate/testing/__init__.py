"""For tests, ours and of those who add to Tidegate: stand-ins, builders and contracts."""
