"""The API server of the double: objects, validation, admission, watches."""
