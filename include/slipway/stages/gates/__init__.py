"""What gates judge by: numbers, blocks, slices and groups of the holdout, and a file per gate."""
