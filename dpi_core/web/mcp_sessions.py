"""A session for each client of the MCP tools, so that it has its own turns in the queue.

Gradio's MCP server keeps no sessions, and sends every call on from this machine, through one client of its own: to the queue
all of them look like one visitor. Here each is given the name that MCP provides for it (``Mcp-Session-Id``), which its next
requests bring along, and which Gradio hands on with the call, as it does the address.
"""

import re
import uuid
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SESSION = "mcp-session-id"
TOOLS = re.compile(r"/gradio_api/mcp(/http)?/?$")
NO_STREAM = "This server sends nothing unasked; POST is answered."


class McpSessions:
    """ASGI middleware: names the sessions of MCP clients (streamable HTTP)."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not TOOLS.search(scope["path"]):
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        if scope["method"] == "GET" and "text/event-stream" in asked.get("accept", ""):
            await JSONResponse({"error": NO_STREAM}, 405, {"Allow": "POST"})(scope, receive, send)
            return
        session = asked.get(SESSION) or uuid.uuid4().hex
        headers = MutableHeaders(raw=[*scope["headers"]])
        headers[SESSION] = session
        # Whatever the client says of itself.
        headers["x-forwarded-for"] = scope["client"][0] if scope.get("client") else ""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["method"] == "POST":
                MutableHeaders(scope=message)[SESSION] = session
            await send(message)

        await self.app({**scope, "headers": headers.raw}, receive, sending)


def mcp_session(headers: Mapping[str, str]) -> str | None:
    """Return the session of a run that came from Gradio's MCP server; None for every other run."""
    return f"mcp {headers.get(SESSION, '')}" if headers.get("x-gradio-user") == "mcp" else None
