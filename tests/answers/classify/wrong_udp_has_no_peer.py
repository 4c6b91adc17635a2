"""Believes that a UDP socket never has a peer."""

CAUGHT_BY = "recognises UDP sockets"
HINT = "and even a peer"


def classify(rows):
    listeners = {row.local for row in rows if row.state == "LISTEN"}
    words = []
    for row in rows:
        if row.state == "LISTEN":
            words.append("listener")
        elif row.peer is None:
            words.append("datagram")
        else:
            words.append("connection" if row.local in listeners else "client")
    return words
