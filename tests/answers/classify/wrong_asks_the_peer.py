"""Takes a socket for a client only when its peer is a listener in the same snapshot."""

CAUGHT_BY = "recognises a client whose server is not in the snapshot"
HINT = "the other end may belong to another process"


def classify(rows):
    listeners = {row.local for row in rows if row.state == "LISTEN"}
    words = []
    for row in rows:
        if row.protocol == "udp":
            words.append("datagram")
        elif row.state == "LISTEN":
            words.append("listener")
        else:
            words.append("client" if row.peer in listeners else "connection")
    return words
