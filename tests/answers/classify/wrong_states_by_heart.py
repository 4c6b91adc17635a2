"""Lists the states of a connected socket, and leaves one out."""

CAUGHT_BY = "recognises a client that has no answer yet"
HINT = "a socket that is still connecting is already a client"


def classify(rows):
    listeners = {row.local for row in rows if row.state == "LISTEN"}
    words = []
    for row in rows:
        if row.protocol == "udp":
            words.append("datagram")
        elif row.state in ("ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT"):
            words.append("connection" if row.local in listeners else "client")
        else:
            words.append("listener")
    return words
