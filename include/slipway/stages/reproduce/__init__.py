"""Build a version again from what its records pin, and compare the two."""
