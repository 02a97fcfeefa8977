"""The analysis: periods, exposure, rates and ranks."""
