"""The benchmark: the daemon, the least work that there is, and what else people use."""
