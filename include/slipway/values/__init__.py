"""Values: one definition of each declared type, whatever format a value came in."""
