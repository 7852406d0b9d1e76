"""Links to live assistants."""
