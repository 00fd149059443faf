"""Model cards: what the records say of one version, and what they do not."""
