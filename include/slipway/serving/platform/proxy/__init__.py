"""The reverse proxy: pick a version for a request, forward it, fail over."""
