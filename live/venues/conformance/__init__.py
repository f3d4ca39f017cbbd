"""Conformance: numbered cases that every adapter has to pass at every venue before it trades there for real.

`relay` stands between adapter and venue and breaks what it is told to, `wires` says how requests look there, `bench` is what the cases
trade with, and the modules of cases say what is shown. `numbering` is all of it that the service loads.
"""
