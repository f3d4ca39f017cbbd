"""An example of what the gates are for: it reaches the future by accident, and is refused."""
