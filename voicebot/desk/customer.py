"""Who is calling, for the agent's screen: the profile from the number's earlier calls and, of a caller who has proved who he is, from the account.

It reads and keeps nothing. Before proof nothing is asked of the directory.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.customers.directory import Account
from voicebot.customers.profile import Profile, profile
from voicebot.desk.desk import Desk, now_utc
from voicebot.errors import DirectoryError
from voicebot.handover.earlier import earlier_call
from voicebot.handover.story import Story
from voicebot.store import after


@dataclass(frozen=True, slots=True)
class Caller:
    """What is known of one caller. `failed`: why the account could not be read; "" when it was, or was not asked for."""

    profile: Profile
    failed: str = ""


async def caller(desk: Desk, story: Story) -> Caller:
    """The profile of whoever calls in `story`. Raises StoreError."""
    calls = [await desk.live.story(one.call_id) for one in await after.earlier(desk.store, story.ani, story.call_id)]
    counted = [earlier_call(call, desk.search.knowledge) for call in calls if call]
    account, failed = await _account(desk, story.customer)
    return Caller(profile(account, counted, now_utc().date(), bool(story.customer)), failed)


async def _account(desk: Desk, customer: str) -> tuple[Account | None, str]:
    if not customer or desk.directory is None:
        return None, ""
    try:
        return await desk.directory.account(customer), ""
    except DirectoryError as error:
        return None, str(error)
