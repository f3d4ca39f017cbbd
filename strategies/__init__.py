"""One folder a strategy: its code, its declaration and its card."""
