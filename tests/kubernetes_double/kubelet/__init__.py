"""Nodes of the double: pods run as processes of this machine."""
