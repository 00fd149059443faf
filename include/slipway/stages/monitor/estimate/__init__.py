"""Performance estimated before labels come."""
