"""Runs signal handlers at any instruction of the client; they raise, as Ctrl-C does, or call it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import convertro

_CODE = str(Path(convertro.__file__).parent)


class Interruption(BaseException):
    """Raised by a signal handler."""


def _raise() -> None:
    raise Interruption


def interrupted_everywhere(
    call: Callable[[], object], handler: Callable[[], object] = _raise
) -> Iterator[int]:
    """Call something repeatedly, interrupted at the client's first instruction, then the second, ….

    Yield after each interrupted call; end with the first call that was not interrupted.
    """
    for number in count(1):
        if not _is_interrupted(call, handler, number):
            return
        yield number


def _is_interrupted(call: Callable[[], object], handler: Callable[[], object], number: int) -> bool:
    left = number
    before = sys.gettrace()

    def instruction(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal left
        left -= event == "opcode"
        if event == "opcode" and not left:
            handler()
        return instruction

    def function(frame: FrameType, _event: str, _arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_CODE):
            return None
        frame.f_trace_opcodes = True
        return instruction

    sys.settrace(function)
    try:
        with suppress(Interruption):
            call()
    finally:
        sys.settrace(before)
    return left <= 0
