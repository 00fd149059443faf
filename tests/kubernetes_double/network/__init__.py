"""The network of the double: Service addresses, names, a Gateway."""
