"""Score: list the partitions that are due, and score each in one commit."""
