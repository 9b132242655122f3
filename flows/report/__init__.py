"""The report of a batch: one page that needs nothing else."""
