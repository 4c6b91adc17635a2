"""Takes every ESTABLISHED socket for a connection of the listener."""

CAUGHT_BY = (
    "tells a listener, its clients and its connections apart",
    "does so in any order of the rows",
    "knows a connection that nobody has accepted yet",
    "knows both ends while they close",
    "knows a client that has no answer yet",
    "knows a client whose server is not in the snapshot",
    "keeps UDP out of it",
    "compares whole endpoints",
    "knows two listeners that share one endpoint",
)
HINT = "only the connection has its local endpoint in common with the listener"


def classify(rows):
    words = {"LISTEN": "listener", "ESTABLISHED": "connection"}
    return ["datagram" if row.protocol == "udp" else words.get(row.state, "client") for row in rows]
