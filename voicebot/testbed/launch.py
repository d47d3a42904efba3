"""`python -m voicebot.testbed.launch voicebot …`: the `voicebot` command, made breakable for fault benches. Never used in production.

SIGUSR1 blocks the controller's loop, as a forgotten blocking call would; with `TESTBED_VIA=PORT` in the environment Asterisk is told that port
in place of the controller's.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import time
from typing import Any
from unittest.mock import patch

from voicebot import up
from voicebot.settings import Settings
from voicebot.telephony.pbx_plan import PbxPlan, plan

BLOCK_S = 30.0
VIA = "TESTBED_VIA"


class Breakable(up.Controller):
    """The controller, launched as this module is."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        at = self._command.index("-m") + 1
        self._command[at : at + 1] = ["voicebot.testbed.launch", "voicebot"]


def main() -> None:
    """As `python -m voicebot`, with the arguments after the first."""
    del sys.argv[0]
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(BLOCK_S))
    with patch.object(up, "Controller", Breakable), patch.object(up, "plan", _planned):
        runpy.run_module("voicebot", run_name="__main__")


def _planned(settings: Settings, *, controller_port: int | None = None) -> PbxPlan:
    via = os.environ.get(VIA)
    return plan(settings, controller_port=int(via) if via else controller_port)


if __name__ == "__main__":
    main()
