"""The SQL database, which alone knows the state."""
