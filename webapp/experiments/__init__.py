"""Which model, and with which settings: the leaderboard of a dataset, and searches for settings."""
