"""Labels of a window's predictions: joined by key, matured, revised."""
