"""What comes of each request: by subject, as the commands are."""
