"""Sends the reply and closes: what the client sent besides is unread."""

CAUGHT_BY = ("loses no reply when a part of the request is unread",)
ALSO = ("loses no reply when the client still sends", "gives up at the deadline")
HINT = "closing a connection with unread bytes resets it"


def finish(connection, reply, deadline_s):
    with connection:
        try:
            connection.settimeout(deadline_s)
            connection.sendall(reply)
        except OSError:
            pass
