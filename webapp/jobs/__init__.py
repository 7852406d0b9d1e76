"""Long work: a leased table as the queue, and the trainer process that claims from it, one process group a job."""
