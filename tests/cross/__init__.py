"""Cross builds: what the packages hold and what the binaries ask for."""
