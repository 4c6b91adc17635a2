"""Takes the first end of every pair for the client."""

CAUGHT_BY = "does so in any order of the rows"
HINT = "the rows come in any order"


def classify(rows):
    seen = set()
    words = []
    for row in rows:
        if row.protocol == "udp":
            words.append("datagram")
        elif row.peer is None:
            words.append("listener")
        else:
            words.append("connection" if (row.peer, row.local) in seen else "client")
            seen.add((row.local, row.peer))
    return words
