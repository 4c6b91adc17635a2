"""Knows only the listeners that it has already come by."""

CAUGHT_BY = "does so in any order of the rows"
HINT = "the rows come in any order"


def classify(rows):
    listeners = set()
    words = []
    for row in rows:
        if row.protocol == "udp":
            words.append("datagram")
        elif row.state == "LISTEN":
            listeners.add(row.local)
            words.append("listener")
        else:
            words.append("connection" if row.local in listeners else "client")
    return words
