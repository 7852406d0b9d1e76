"""Training runs, their events and the artifacts they leave."""
