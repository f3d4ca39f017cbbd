"""Structured logs: JSON lines, or readable ones on a terminal; a log that cannot be written stops nothing."""

import logging
import os
import select
import sys

import structlog

STANDARD_ERROR = 2


class LogStream:
    """Write to standard error without ever waiting or failing.

    A full disk under the log, or a reader of its pipe that hangs, comes exactly when a kill must be answered. What
    cannot be written at once is dropped and counted.

    Attributes:
        lost: how many pieces of log were dropped.
    """

    def __init__(self, descriptor: int = STANDARD_ERROR) -> None:
        self.lost = 0
        self._descriptor = descriptor

    def write(self, text: str) -> None:
        """Write text, in pieces that a pipe takes whole."""
        data = text.encode("utf-8", "replace")
        for start in range(0, len(data), select.PIPE_BUF):
            try:
                writable = select.select([], [self._descriptor], [], 0)[1]
                piece = data[start : start + select.PIPE_BUF]
                if not writable or os.write(self._descriptor, piece) != len(piece):
                    self.lost += 1
            except (OSError, ValueError):
                self.lost += 1

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


log_stream = LogStream()
"""The one stream of this process, so that what it lost can be counted."""


def configure_logs() -> None:
    """Send every log line to standard error, as JSON unless it is a terminal."""
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(log_stream),  # pyright: ignore[reportArgumentType] - it has what is used
    )
