"""The ways in: each turns a transport into members, and events into its own format."""
