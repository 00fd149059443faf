"""Nodes of the double, whose pods are processes of this machine."""
