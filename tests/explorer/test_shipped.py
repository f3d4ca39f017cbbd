"""The shipped engine, loop and verdict, explored to the end of what the bounds allow.

Each exploration is complete within its bounds: every state that is reached by any order of wishes, arrivals, losses,
repetitions, fills, expiries, stops, ticks, scans and crashes is visited, and in each the promises hold: nothing left before it
was durable; the venue has at most one order of an id and knows none that the engine does not; no durable intent is forgotten;
what may still fill or filled unbooked is reserved; nothing is booked that was not executed; the position at the venue cannot
pass what was wished; the truth alone never kills a strategy; and without a further fault everything settles, to the same
orders and position on both sides.

What is left out, so that it ends: times count only as before or after a receive window and in the order of what is compared;
of two questions or answers under way that say the same, the newer takes the place of the older; the sending of a request is
reported at once; once no crash is left the disk keeps up; and the venue takes a signed request once.
"""

import pytest
from explored_system import Bounds
from explorer import explore

EXPLORATIONS: dict[str, Bounds] = {}
