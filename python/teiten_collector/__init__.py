"""The collector: takes batches in exactly once, stores, enriches, analyses and reports."""
