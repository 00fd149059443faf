"""The year of flights, for benchmarks that train on it."""
