"""The deployment target `batch`: no server, rows are scored as they arrive."""
