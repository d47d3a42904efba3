"""What every request passes before any page sees it: headers, origin, sign-in, role. HTTP and WebSockets alike; what is not allowed is refused.

The content security policy stands here. Scripts run only from this server or with this response's nonce; `unsafe-eval` is what Vue's template
compiler needs (https://vuejs.org/guide/best-practices/security.html), and nothing a caller says ever becomes a template.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voicebot.desk.access import rule
from voicebot.desk.auth import Door, Present, secret_in

SAFE = frozenset({"GET", "HEAD"})
NOBODY = ("'none'",)
LONGEST_BODY = 64_000
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with "no-referrer" a browser sends no Origin along with a form
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


def policy(nonce: str, ancestors: tuple[str, ...] = ()) -> str:
    """The Content-Security-Policy of one response; `ancestors` may show it in a frame, nobody else."""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {' '.join(ancestors or NOBODY)}",
        )
    )


class Guard:
    """ASGI middleware around the whole desk. What it found out stands in the request's state: `present`, `nonce`."""

    def __init__(self, app: ASGIApp, door: Door, embed: tuple[str, ...] = ()) -> None:
        self._app = app
        self._door = door
        self._embed = embed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, send to the sign-in page, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        method = "WEBSOCKET" if scope["type"] == "websocket" else scope["method"]
        nonce, present = secrets.token_urlsafe(16), self._door.present(secret_in(headers.get("cookie", "")))
        scope["state"] = {**scope.get("state", {}), "nonce": nonce, "present": present}
        guarded = self._headed(scope, send, nonce)
        refused = _refusal(scope, method, headers, present)
        if refused is None:
            if present:
                await self._door.seen(present)
            return await self._app(scope, receive, guarded)
        if method == "WEBSOCKET":
            return await send({"type": "websocket.close", "code": 1008})
        return await refused(scope, receive, guarded)

    def _headed(self, scope: Scope, send: Send, nonce: str) -> Send:
        ancestors = self._embed if scope["path"].startswith("/pop/") else ()

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                found["Content-Security-Policy"] = policy(nonce, ancestors)
                for name, value in HEADERS.items():
                    found[name] = value
                if not scope["path"].startswith(("/_nicegui/", "/static/")):
                    found["Cache-Control"] = "no-store"
            await send(message)

        return headed


def _refusal(scope: Scope, method: str, headers: Headers, present: Present | None) -> Response | None:
    """What to answer instead of the page; None lets the request through."""
    if not _ours(method, headers):
        return PlainTextResponse("refused: this request came from another site", 403)
    found = rule(method, scope["path"])
    roles = found.roles if found else frozenset()
    if roles is None:
        return None
    if present is None:
        wants_page = method in SAFE and "text/html" in headers.get("accept", "")
        return RedirectResponse("/sign-in", 303) if wants_page else PlainTextResponse("sign in first", 401)
    if found is None:
        return PlainTextResponse("no such page", 404)
    return None if present.person.role in roles else PlainTextResponse("not for your role", 403)


def _ours(method: str, headers: Headers) -> bool:
    """Whether what changes something, or opens a socket, was asked by a page of ours: by its Origin, which a browser cannot leave out
    (https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html)."""
    if method in SAFE:
        return True
    if int(headers.get("content-length", "0") or "0") > LONGEST_BODY:
        return False
    origin = headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == headers.get("host", "")
