"""Windows of event time: their names, which are due, and which are joined."""
