"""The prediction log: written before the reply, shipped to the store by a process of its own."""
