"""Cases: what a case is, and the list that every case joins."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from live.venues.conformance.bench import Bench

CaseFunction = Callable[["Bench"], Awaitable[None]]
_Function = TypeVar("_Function", bound=CaseFunction)


class Case(msgspec.Struct, frozen=True):
    """Hold one case.

    Attributes:
        number: like `AC-01`; never given to another case.
        sentence: what it shows.
        function: shows it, or raises.
    """

    number: str
    sentence: str
    function: CaseFunction


CASES: dict[str, Case] = {}
"""Every case by its number; its module has to be imported, which `kit` does."""


def case(number: str, sentence: str) -> Callable[[_Function], _Function]:
    """Give a case its number, and say what it shows."""

    def join(function: _Function) -> _Function:
        assert number not in CASES, f"{number} is there twice"
        CASES[number] = Case(number, sentence, function)
        return function

    return join
