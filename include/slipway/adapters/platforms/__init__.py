"""Platform adapters, a folder for each deployment target; `wiring/platforms.py` chooses one."""
