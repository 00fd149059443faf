"""Ports: what stages need of the tools behind them, one protocol for each role of a tool."""
