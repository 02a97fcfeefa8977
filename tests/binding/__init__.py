"""What the compiled core promises to Python."""
