"""Made-up fleets: captures, truth, descriptions, the command."""
