"""The same chat as somebody writes it on a free afternoon, without a thought on speed."""
