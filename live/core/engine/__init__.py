"""The engine: a deterministic state machine from inputs to records and effects, a room for each kind of work.

`workspace` is what the rooms share, `engine` is the table of which input goes to which room.
"""

from live.core.engine.engine import Engine, drain

__all__ = ["Engine", "drain"]
