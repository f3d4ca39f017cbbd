"""A local exchange that speaks Binance Spot: matching, accounts, filters and fees in the core, sockets and files around it.

The core (`exchange` and what it imports) is a pure state machine: callers hand in the time and requests, and drain events.
"""
