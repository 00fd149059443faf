"""The demo: a year of real flights through the real front doors, then a drill."""
