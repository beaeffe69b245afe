"""The benchmark: the daemon beside the least that a server can do, and beside other servers."""
