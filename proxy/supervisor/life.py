"""One life of one child: a new interpreter, its start message, its reports, its end.

The start message goes over the child's standard input, and later orders follow it; its end tells the child
that the supervisor is gone. Reports come back over a pipe of their own. Standard output and error are the
service's.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxy.supervisor import orders, report
from proxy.supervisor.orders import Order
from proxy.supervisor.report import Report
from proxy.supervisor.start import Start, encode

# How long a dead child's last report may take to be read; it is in the pipe already.
LAST_WORDS_SECONDS = 1.0
ENDED = Report(state="refused", reason="it ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    exit_code: int
    """As subprocess has it: negative for a signal."""
    last_report: Report | None

    @property
    def cause(self) -> str:
        """One line: what the child said, or else how it ended."""
        if self.last_report is not None and self.last_report.state == "failed":
            return self.last_report.reason
        if self.exit_code >= 0:
            return f"it exited with code {self.exit_code}"
        with contextlib.suppress(ValueError):
            return f"it was ended by {signal.Signals(-self.exit_code).name}"
        return f"it was ended by signal {-self.exit_code}"


class Life:
    """A running child. `ended` must be awaited to its end, else the process stays a zombie."""

    def __init__(self, process: asyncio.subprocess.Process, reports: int) -> None:
        self._process = process
        self._reports = reports
        self._answers: dict[int, asyncio.Future[Report]] = {}
        self._over = False

    @classmethod
    async def begin(cls, command: tuple[str, ...], start: Start, environment: Mapping[str, str]) -> "Life":
        """Raises OSError where the system gives no process. Cancelled, it leaves none behind."""
        line = encode(start)
        reports, childs_end = os.pipe()
        inherited = {childs_end, *(each.fileno() for each in start.sockets.values())}
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                start.role,
                str(childs_end),
                stdin=asyncio.subprocess.PIPE,
                pass_fds=sorted(inherited),
                env=dict(environment),
                # Ctrl-C is for the supervisor alone: it says when each child stops.
                process_group=0,
            )
        except BaseException:
            os.close(reports)
            raise
        finally:
            os.close(childs_end)
        life = cls(process, reports)
        life._tell(line)
        return life

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self, on_ready: Callable[[], None]) -> Ended:
        """Wait for the end. Calls on_ready when the child says so. Cancelled, it kills the child first."""
        listening = asyncio.create_task(self._listen(on_ready))
        try:
            exit_code = await self._process.wait()
            done, _ = await asyncio.wait([listening], timeout=LAST_WORDS_SECONDS)
            return Ended(exit_code=exit_code, last_report=listening.result() if done else None)
        except BaseException:
            self.send(signal.SIGKILL)
            await self._process.wait()
            raise
        finally:
            listening.cancel()
            self._release()

    async def obeyed(self, order: Order, *, within_seconds: float) -> Report:
        """The child's answer to an order; `refused` where it ended or did not answer in time.

        One order at a time.
        """
        if self._over:
            return ENDED
        answer: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        self._answers[order.number] = answer
        self._tell(orders.encode(order))
        try:
            async with asyncio.timeout(within_seconds):
                return await answer
        except TimeoutError:
            return Report(state="refused", reason=f"it did not answer within {within_seconds:g} s")
        finally:
            self._answers.pop(order.number, None)

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Nothing happens where the child has ended already."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _tell(self, line: bytes) -> None:
        # Not drained: a child that dies before it has read all shows that by its end.
        if self._process.stdin is not None:
            self._process.stdin.write(line)

    def _release(self) -> None:
        self._over = True
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(ENDED)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _hear(self, told: Report, on_ready: Callable[[], None]) -> None:
        answer = self._answers.get(told.number)
        if told.state == "ready":
            on_ready()
        elif answer is not None and not answer.done():
            answer.set_result(told)

    async def _listen(self, on_ready: Callable[[], None]) -> Report | None:
        """Until the pipe's end; the last report understood."""
        reader = asyncio.StreamReader(limit=report.LONGEST_LINE)
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._reports, "rb", buffering=0)
        )
        last: Report | None = None
        try:
            async for line in reader:
                understood = report.maybe_decode(line)
                last = understood or last
                if understood is not None:
                    self._hear(understood, on_ready)
        except ValueError:  # a line without end: no report of ours follows
            pass
        finally:
            pipe.close()
        return last
