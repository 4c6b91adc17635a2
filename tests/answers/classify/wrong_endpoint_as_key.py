"""Remembers one word for each local endpoint, as if it named one socket."""

CAUGHT_BY = "distinguishes a listener, its clients and its connections"
ALSO = (
    "does so in any order of the rows",
    "recognises a connection that is not accepted yet",
    "recognises both ends while they close",
    "recognises a client whose server is not in the snapshot",
    "recognises UDP sockets",
    "compares whole endpoints",
    "recognises two listeners that share one endpoint",
)
HINT = "every row needs one word"


def classify(rows):
    listeners = {row.local for row in rows if row.state == "LISTEN"}
    words = {}
    for row in rows:
        if row.protocol == "udp":
            words[row.local] = "datagram"
        elif row.state == "LISTEN":
            words[row.local] = "listener"
        else:
            words[row.local] = "connection" if row.local in listeners else "client"
    return list(words.values())
