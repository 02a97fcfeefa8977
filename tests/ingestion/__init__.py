"""Recorded batches of every version, and a fleet that sends for a while."""
