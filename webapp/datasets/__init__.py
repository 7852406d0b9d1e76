"""Uploads, dataset versions and their reports."""
