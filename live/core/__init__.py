"""The engine, sans I/O: standard library and msgspec only; no clock, randomness, files, sockets or threads."""
