"""`voicebot desk`: one process, one loop, one port on loopback. It reads the journal and writes the desk's own tables; it never takes part in a call.

NiceGUI serves its pages from its own files alone. Its template gets a nonce for each response, so that no script but these can run.
"""

from __future__ import annotations

import socket
from pathlib import Path

import nicegui
import nicegui.client
import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import DictLoader
from nicegui import ui
from starlette.types import ASGIApp

from voicebot.desk import api, call_files, page, pages, phone_line, supervise
from voicebot.desk.desk import Desk
from voicebot.desk.guard import Guard
from voicebot.desk.sign_in import routes
from voicebot.errors import VoicebotError
from voicebot.process import tell_starter
from voicebot.settings import Settings

STATIC = Path(__file__).parent / "static"
RECONNECT_S = 30.0
"""A page whose line breaks for less than that goes on where it was, with what was typed."""
GRACE_S = 2
BACKLOG = 512
FAVICON = "☎"


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises VoicebotError when it cannot start."""
    listening = _listening(settings.desk.host, settings.desk.port)
    async with Desk.open(settings) as desk:
        config = uvicorn.Config(
            build(desk),
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=1_000_000,
            ws_per_message_deflate=False,  # a page's messages are small, and a compressor each is 300 KB and time
            timeout_graceful_shutdown=GRACE_S,
        )
        server = uvicorn.Server(config)
        host, port = listening.getsockname()
        print(f"ready: http://{host}:{port}", flush=True)
        tell_starter("READY=1")
        await server.serve([listening])


def _listening(host: str, port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        what = f"the desk cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}"
        raise VoicebotError(f"{what}; set [desk] port to a free one or stop what uses it") from None
    return listening


def build(desk: Desk) -> ASGIApp:
    """The whole of it as one ASGI application."""
    settings = desk.settings
    app = FastAPI(title=f"{settings.company} desk", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.add_api_route("/healthz", lambda: PlainTextResponse("ok\n"), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.include_router(routes(desk.door, settings.company, settings.desk.language, settings.desk.sign_in_h))
    app.include_router(api.routes(desk))
    app.include_router(supervise.routes(desk))
    app.include_router(call_files.routes(desk))
    app.include_router(phone_line.routes(desk))
    pages.load()
    nicegui.app.state.desk = desk
    _mount(app)
    desk.door.on_left.append(lambda left: page.close(left, desk.spawn))
    return Guard(app, desk.door, settings.desk.embed)


def _mount(app: FastAPI) -> None:
    environment = nicegui.client.templates.env
    source, _, _ = environment.loader.get_source(environment, "index.html") if environment.loader else ("", None, None)
    environment.loader = DictLoader({"index.html": source.replace("<script", '<script nonce="{{ request.state.nonce }}"')})
    nicegui.app.config.socket_io_js_transports = ["websocket"]
    ui.run_with(app, favicon=FAVICON, tailwind=False, reconnect_timeout=RECONNECT_S, show_welcome_message=False)
