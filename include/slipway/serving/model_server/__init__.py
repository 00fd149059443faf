"""The model server: one process, one model version."""
