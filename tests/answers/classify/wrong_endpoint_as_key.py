"""Remembers one word for each local endpoint, as if it named one socket."""

CAUGHT_BY = "tells a listener, its clients and its connections apart"
ALSO = (
    "does so in any order of the rows",
    "knows a connection that nobody has accepted yet",
    "knows both ends while they close",
    "knows a client whose server is not in the snapshot",
    "keeps UDP out of it",
    "compares whole endpoints",
    "knows two listeners that share one endpoint",
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
