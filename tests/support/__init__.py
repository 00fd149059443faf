"""Data, projects and processes that several test folders share."""
