"""The report: its figures against the reference, and its forms."""
