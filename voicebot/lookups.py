"""The shell of one call around the directory: it fetches what the policy asks for, and takes the digits a caller proves himself with.

What no record may hold stands here and nowhere else: digits, until they are whole, and the account, until the call is over. Nobody waits in silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from voicebot.customers.directory import Account, Directory
from voicebot.customers.verification import HIDDEN, LENGTHS, Keys, Proof, spoken_digits
from voicebot.dialogue.decisions import Heard, Line, Lookup, Pressed, Silent, Told
from voicebot.dialogue.errand import Checked, Errand, Fetched, Found, Known, Located, LookupFailed
from voicebot.errors import DirectoryError, plain
from voicebot.privacy.redact import struck
from voicebot.store.events import Event, LookedUp
from voicebot.values import Digit, Silence, Sound, Utterance

PATIENCE_S = 0.8
"""So long a caller may wait before he hears that it takes a moment."""
AGAIN_S = 2.5
LIMIT_S = 5.0
"""Longer than the directory's own deadline: for one that does not keep it."""
FEW = 3
"""So many digits at least are an attempt; fewer are words that sound like one."""
T = TypeVar("T")
Say = Callable[[tuple[Line, ...]], Awaitable[bool]]


class Lookups:
    """The look-ups of one call. `ani` is the caller's number, `offer` finds the KB entry to be offered with an account, "" for none."""

    def __init__(self, directory: Directory | None, ani: str, say: Say, write: Callable[[Event], None], offer: Callable[[Account], str]) -> None:
        self._directory = directory
        self._ani = ani
        self._say = say
        self._write = write
        self._offer = offer
        self._keys: Keys | None = None
        self._account: Account | None = None

    async def proof(self, sound: Sound, errand: Errand) -> Heard | Sound | None:
        """What `sound` means while digits are owed: whether they were right, None while they are not whole, the sound itself for all else."""
        proof: Proof = "number" if errand.asking == "number" else "pin"
        match sound:
            case Digit(key):
                return await self._pressed(proof, key, errand)
            case Utterance(transcript=transcript) if len(digits := spoken_digits(transcript.text)) >= FEW:
                self._keys = None
                return await self._proved(proof, digits, errand) if len(digits) == LENGTHS[proof] else Checked(right=False, whole=False)
            case Silence(ms) if self._keys:
                keys, self._keys = self._keys, None
                return Pressed("0") if keys.digits == "0" else Checked(right=False, whole=False) if keys.digits else Silent(ms)
        return kept(sound)

    async def fetched(self, lookup: Lookup, errand: Errand) -> Found:
        """What the directory has, while `lookup.lines` are said; what goes wrong there is an answer as well."""
        if self._directory is None:
            return LookupFailed("there is no directory of customers")
        match lookup.what:
            case "customer":
                return await self._patient("customer", self._customer(self._directory, self._ani), lookup.lines)
            case "place":
                return await self._patient("place", self._place(self._directory, lookup.words), lookup.lines)
        if not errand.verified:
            return LookupFailed("nobody has proved who he is")
        return await self._patient("account", self._whole(self._directory, errand.customer), lookup.lines)

    async def _pressed(self, proof: Proof, key: str, errand: Errand) -> Heard | None:
        keys = (self._keys if self._keys and self._keys.proof == proof else Keys(proof)).press(key)
        self._keys = keys
        if not keys.whole:
            return None
        self._keys = None
        return await self._proved(proof, keys.digits, errand) if len(keys.digits) == LENGTHS[proof] else Checked(right=False, whole=False)

    async def _proved(self, proof: Proof, digits: str, errand: Errand) -> Found:
        if self._directory is None:
            return LookupFailed("there is no directory of customers")
        if proof == "number":
            return await self._patient("customer", self._customer(self._directory, digits))
        return await self._patient("proof", self._checked(self._directory, errand.customer, digits))

    async def _customer(self, directory: Directory, number: str) -> Known:
        customer = await directory.find(number) if number else None
        return Known(customer.id if customer else "")

    async def _checked(self, directory: Directory, customer_id: str, digits: str) -> Checked:
        return Checked(await directory.check(customer_id, digits))

    async def _whole(self, directory: Directory, customer_id: str) -> Fetched:
        if self._account is None or self._account.customer.id != customer_id:
            self._account = await directory.account(customer_id)
        return Fetched(self._account, self._offer(self._account))

    async def _place(self, directory: Directory, words: str) -> Located:
        return Located(await directory.place(words))

    async def _patient(self, what: str, question: Coroutine[Any, Any, Found], lines: tuple[Line, ...] = ()) -> Found:
        """The answer to `question`; a caller for whom it takes long hears so."""
        async with asyncio.TaskGroup() as scope:
            asking = scope.create_task(self._asked(what, question))
            if lines:
                await self._say(lines)
            for sentence, wait_s in (("one_moment", PATIENCE_S), ("still_looking", AGAIN_S)):
                await asyncio.wait({asking}, timeout=wait_s)
                if asking.done():
                    break
                await self._say((Told(sentence),))
        return asking.result()

    async def _asked(self, what: str, question: Coroutine[Any, Any, Found]) -> Found:
        loop = asyncio.get_running_loop()
        began_s, failed = loop.time(), ""
        try:
            async with asyncio.timeout(LIMIT_S):
                return await question
        except (DirectoryError, TimeoutError) as error:
            failed = plain(error)
            return LookupFailed(failed)
        finally:
            self._write(LookedUp(what, round((loop.time() - began_s) * 1000), failed))


def kept(sound: Sound) -> Sound:
    """`sound` as it may be kept while digits are owed: every key and every number said is struck out."""
    match sound:
        case Digit():
            return replace(sound, key=HIDDEN)
        case Utterance(transcript=transcript):
            return replace(sound, transcript=replace(transcript, text=struck(transcript.text)))
    return sound
