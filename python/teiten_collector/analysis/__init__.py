"""What the numbers of a report are: periods, what was observed of them, rates and their ranks."""
