"""What comes next: pure functions of a snapshot, one module per strategy."""
