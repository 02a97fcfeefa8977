"""The door: what it takes in, what it refuses, and the service around it."""
