"""Field ownership: which fields Slipway manages, and which were edited by hand; pure."""
