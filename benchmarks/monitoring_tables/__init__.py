"""Tables of `benchmarks/monitoring.py`: a module each, whose function yields its ratios."""
