"""The report's statements on a real Spark: `make test-spark`."""
