"""The batch format: round trips, limits, hostile bytes."""
