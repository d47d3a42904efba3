"""The course of one call as one piece of markup: a call of twenty minutes has hundreds of moments. Pure; every text is escaped on the way in.
`static/call.js` finds the moments by `data-at` and keeps them in step with the sound."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from voicebot.desk.pages.call_view import Moment, clock
from voicebot.desk.wording import Say


def course(moments: Iterable[Moment], say: Say) -> str:
    """A button for each moment, in their order."""
    return "".join(_moment(each, say) for each in moments)


def _moment(each: Moment, say: Say) -> str:
    unheard = f'<span class="unheard" title="{escape(say("call.unheard"))}">{escape(each.unheard)}</span>' if each.unheard else ""
    what = f'<span class="what"><span>{escape(each.what)}</span>{unheard}</span><span class="quiet">{escape(each.mark)}</span>'
    return (
        f'<button class="moment {each.kind}" data-at="{each.at_ms}"><span class="at">{clock(each.at_ms)}</span>'
        f'<span class="who">{escape(say(f"call.{each.kind}"))}</span>{what}</button>'
    )
