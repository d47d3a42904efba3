"""The sign-in page and the way out: plain HTML that needs no script, so that whoever cannot sign in gets nothing of the desk at all."""

from __future__ import annotations

import hmac
from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from voicebot.desk.auth import COOKIE, Door, Present
from voicebot.desk.wording import saying

LONGEST_FORM = 4_000
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="/static/desk.css"></head>
<body class="sign-in"><main><h1>{company}</h1><p>{title}</p>{problem}
<form method="post" action="/sign-in">
<label for="name">{name}</label><input id="name" name="name" autocomplete="username" required autofocus maxlength="64">
<label for="password">{password}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256">
<button type="submit">{enter}</button></form></main></body></html>"""


def routes(door: Door, company: str, language: str, hours: float) -> APIRouter:
    """`/sign-in` and `/sign-out`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    def page(request: Request) -> Response:
        return RedirectResponse("/", 303) if request.state.present else HTMLResponse(_page(company, language))

    @router.post("/sign-in")
    async def enter(request: Request) -> Response:
        form = await _form(request)
        secret = await door.sign_in(form.get("name", "").strip(), form.get("password", ""))
        if secret is None:
            return HTMLResponse(_page(company, language, refused=True), 401)
        response = RedirectResponse("/", 303)
        secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        response.set_cookie(COOKIE, secret, max_age=int(hours * 3600), httponly=True, samesite="strict", secure=secure, path="/")
        return response

    @router.post("/sign-out")
    async def leave(request: Request) -> Response:
        present: Present = request.state.present
        if not hmac.compare_digest((await _form(request)).get("csrf", "").encode(), present.csrf.encode()):
            return PlainTextResponse("refused: this form is not of this sign-in; reload the page", 403)
        await door.sign_out(present)
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    return router


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; none of one that is too long or has too many."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            return {}
    try:
        fields = parse_qs(body.decode(errors="replace"), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in fields.items()}


def _page(company: str, language: str, refused: bool = False) -> str:
    say = saying(language)
    problem = f'<p class="problem" role="alert">{escape(say("sign_in.refused"))}</p>' if refused else ""
    words = {key: escape(say(f"sign_in.{key}")) for key in ("title", "name", "password", "enter")}
    return _PAGE.format(language=language, company=escape(company), problem=problem, **words)
