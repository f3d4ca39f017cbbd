"""Gates: what a strategy version must prove, one file a gate, judged under one policy."""
