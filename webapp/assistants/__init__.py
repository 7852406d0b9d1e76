"""Assistants: an artifact with a name, a welcome, examples and defaults, which visitors can talk to."""
