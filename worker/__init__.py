"""How an event is delivered."""
