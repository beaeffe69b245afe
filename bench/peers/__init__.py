"""What somebody writes on a free afternoon: the same chat, without a thought on speed."""
