"""Tests of the store and of the intake."""
