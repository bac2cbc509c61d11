"""The server of `convertro collector` without the collector: reads the body and answers.

python -m benchmarks.bare_collector PORT
"""

import asyncio
import socket
import sys

import uvloop
from aiohttp import web


async def answer(request: web.BaseRequest) -> web.Response:
    await request.read()
    return web.Response(body=b'{"success":true}', content_type="application/json")


async def main() -> None:
    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    await web.SockSite(runner, listening).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
