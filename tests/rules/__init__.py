"""Tests of the signatures: the built-in set, rule files, and what they detect in real captures."""
