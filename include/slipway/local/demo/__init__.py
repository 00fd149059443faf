"""The demo: a year of real flights through a local installation, then a drill."""
