"""Tests, by area; what they share stands beside this file."""
