"""How those at the phones like to be briefed by ear, and who has read what he would hear: told to the controllers.

The whole of it is said at every change and now and then, so that an Asterisk that started anew learns it too. It keeps nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping

from voicebot.desk.duty import Duty
from voicebot.errors import StoreError
from voicebot.handover.story import Story
from voicebot.store import staff
from voicebot.store.desk import DeskStore
from voicebot.store.postings import Posting
from voicebot.store.staff import Staff

LOOK_S = 2.0
"""How often it is looked whether anything has changed."""
AGAIN = 15
"""After so many looks all of it is said again."""
NEXT = {"full": "short", "short": "off", "off": "full"}
"""What a press changes it to."""
Tell = Callable[[Mapping[str, str]], Awaitable[bool]]


def forms(postings: Iterable[Posting], people: Iterable[Staff]) -> dict[str, str]:
    """Extension → what whoever sits there likes."""
    liked = {person.name: person.briefing for person in people}
    return {posting.extension: liked[posting.staff] for posting in postings if posting.staff in liked}


async def keep_told(duty: Duty, store: DeskStore, tell: Tell) -> None:
    """Tell the controllers, until cancelled; at once again when none of them took it."""
    told: dict[str, str] = {}
    for look in itertools.count():
        with contextlib.suppress(StoreError):
            wanted = forms(duty.all(), await staff.everybody(store))
            if wanted and (wanted != told or look % AGAIN == 0):
                told = wanted if await tell(wanted) else {}
        await asyncio.sleep(LOOK_S)


async def read(tell: Tell, story: Story, posting: Posting | None) -> None:
    """The agent at this phone has read the briefing of the call that rings there: he need not hear it. Of any other call it means nothing."""
    if posting and story.stage == "ringing" and story.agent == posting.extension:
        await tell({"read": story.call_id})
