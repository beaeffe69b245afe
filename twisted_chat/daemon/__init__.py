"""What makes a daemon of the parts: building, starting, stopping, writing down."""
