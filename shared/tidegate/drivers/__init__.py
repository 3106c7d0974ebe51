"""How the world is touched: one Protocol for each kind of thing."""
