"""The local platform: a server per version, and the front door that shifts traffic among them."""
