"""Business KPIs of a window, by SQL."""
