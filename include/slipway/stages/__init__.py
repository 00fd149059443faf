"""Stages of the ring, one folder per activity; imports no tool."""
