"""Live capture, over wires of its own."""
