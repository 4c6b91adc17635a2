"""Forgets that there are sockets without connections."""

CAUGHT_BY = "recognises UDP sockets"
HINT = "compare the protocol, too"


def classify(rows):
    listeners = {row.local for row in rows if row.state == "LISTEN"}
    words = []
    for row in rows:
        if row.peer is None:
            words.append("listener")
        else:
            words.append("connection" if row.local in listeners else "client")
    return words
