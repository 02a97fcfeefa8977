"""Real captures against another program's counts."""
