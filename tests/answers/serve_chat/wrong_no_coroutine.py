"""Starts the chat in a separate event loop."""

import asyncio
import threading

CAUGHT_BY = "passes a line on to the others"
ALSO = (
    "sends nothing back to the sender",
    "passes on whole lines only",
    "splits lines that come in one piece, and keeps their order",
    "keeps serving members beside one who never reads",
    "drops a member who is too far behind",
    "survives members who leave and who reset",
    "closes the connections of members who have left",
    "survives an endless line",
    "ends when it is cancelled",
    "closes everything when it is cancelled",
)
HINT = "async def serve_chat"


async def forever():
    await asyncio.sleep(0)


def serve_chat(listener):
    thread = threading.Thread(target=asyncio.run, args=[forever()])
    thread.start()
    thread.join()
    return "it runs"
