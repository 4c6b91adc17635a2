"""Takes the first row for the listener's."""

CAUGHT_BY = "does so in any order of the rows"
ALSO = ("compares whole endpoints", "recognises a client whose server is not in the snapshot")
HINT = "the rows come in any order"


def classify(rows):
    listening = rows[0].local
    words = []
    for row in rows:
        if row.protocol == "udp":
            words.append("datagram")
        elif row.state == "LISTEN":
            words.append("listener")
        else:
            words.append("connection" if row.local == listening else "client")
    return words
