"""calibgit governs the scoring configs of assessment systems, in Git and nothing else."""

__version__ = "0.1.0"
