"""The deployment target `local`: the platform process on this machine, over HTTP."""
