"""The local platform: a server per version behind a reverse proxy that splits traffic."""
