"""An event loop whose clock jumps to the next timer instead of waiting: a minute's conversation takes milliseconds, each time the same.

It never sleeps and starts no thread; with no timer and no task left to run it fails instead of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """Where the loop would wait, its clock is put forward."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("nothing will ever happen: no timer is set and no task can go on")
        self.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`steps` counts how often a task was about to run; `on_step` is told each number before it does."""

    def __init__(self) -> None:
        self._clock = _Jumping()
        self.steps = 0
        self.on_step: Callable[[int], None] | None = None
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now_s

    def skip(self, seconds: float) -> None:
        """Time passes while the loop does nothing, as in a blocking call: timers that fall due meanwhile run late."""
        self._clock.now_s += seconds

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Any = None) -> asyncio.Handle:  # type: ignore[override]
        if "Task" in type(callback).__name__ or isinstance(getattr(callback, "__self__", None), asyncio.Task):
            self.steps += 1
            if self.on_step:
                self.on_step(self.steps)
        return super().call_soon(callback, *args, context=context)

    def leap(self, seconds: float) -> None:
        """The process was stopped for so long: all that fell due meanwhile happens now."""
        self._clock.now_s += seconds

    @property
    def timers(self) -> list[asyncio.TimerHandle]:
        """What is still to happen by the clock."""
        return [timer for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """What would run in a thread runs between two steps of the loop."""
        done: asyncio.Future[T] = self.create_future()
        self.call_soon(_settle, done, func, args)
        return done


def run_virtual(main: Coroutine[Any, Any, T], loop: VirtualLoop | None = None) -> T:
    """Run `main` to its end in virtual time. A task that it leaves behind fails it."""
    with asyncio.Runner(loop_factory=lambda: loop or VirtualLoop()) as runner:
        return runner.run(_alone(main))


async def _alone(main: Coroutine[Any, Any, T]) -> T:
    result = await main
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left behind: {left}"
    return result


def _settle(done: asyncio.Future[T], func: Callable[..., T], args: tuple[Any, ...]) -> None:
    if done.cancelled():
        return
    try:
        done.set_result(func(*args))
    except Exception as error:  # noqa: BLE001 - as a thread would hand it on
        done.set_exception(error)
