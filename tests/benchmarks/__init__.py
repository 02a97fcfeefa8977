"""Measurements: never tests."""
