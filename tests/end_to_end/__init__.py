"""Real agents and a real collector on loopback."""
