"""What trades: the engine and everything around it that reaches a venue."""
