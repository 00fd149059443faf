"""What the ring does, one file per activity; knows no tool."""
