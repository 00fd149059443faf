"""The whole case of a version as a folder that verifies itself."""
