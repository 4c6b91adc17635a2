"""Takes every ESTABLISHED socket for a connection of the listener."""

CAUGHT_BY = (
    "distinguishes a listener, its clients and its connections",
    "does so in any order of the rows",
    "recognises a connection that is not accepted yet",
    "recognises both ends while they close",
    "recognises a client that has no answer yet",
    "recognises a client whose server is not in the snapshot",
    "recognises UDP sockets",
    "compares whole endpoints",
    "recognises two listeners that share one endpoint",
)
HINT = "only the connection shares its local endpoint with the listener"


def classify(rows):
    words = {"LISTEN": "listener", "ESTABLISHED": "connection"}
    return ["datagram" if row.protocol == "udp" else words.get(row.state, "client") for row in rows]
