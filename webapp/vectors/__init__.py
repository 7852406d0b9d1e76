"""Word vectors: trained from datasets, taken in as files, explored, and what trainings can start from."""
