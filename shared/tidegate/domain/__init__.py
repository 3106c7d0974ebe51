"""What exists: frozen values, enums and state machines as tables; standard library only."""
