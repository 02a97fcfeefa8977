"""Captures of made-up fleets with known counts: for demonstrations, tests, benchmarks, training and sizing.

A description (TOML) says which sensors there are, who sends them what, and what happens. From it come one
capture a sensor, a country database, and the truth: the counts that must come out of any program that reads
the captures right. The truth is summed from the plan of packets before a frame is built, so that it is
evidence of its own.
"""
