"""Stage 1: counts from a results table, exact and private, then coarsened until they may be shared."""
