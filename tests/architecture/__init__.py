"""The shape of the tree, held by tests."""
