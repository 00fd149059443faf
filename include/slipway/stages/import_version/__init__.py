"""Import a model version from another environment's registry, with its evidence."""
