"""Knows no state but LISTEN and ESTABLISHED."""

CAUGHT_BY = ("recognises both ends while they close", "recognises a client that has no answer yet")
HINT = "the state says how far a connection is"


def classify(rows):
    listeners = {row.local for row in rows if row.state == "LISTEN"}
    words = []
    for row in rows:
        if row.protocol == "udp":
            words.append("datagram")
        elif row.state == "ESTABLISHED":
            words.append("connection" if row.local in listeners else "client")
        else:
            words.append("listener")
    return words
