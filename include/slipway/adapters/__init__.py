"""Adapters: one module or package per outside tool; each fulfils a port that a stage declares."""
