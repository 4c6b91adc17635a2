"""Keeps one listener for each endpoint: the last one."""

CAUGHT_BY = "recognises two listeners that share one endpoint"
HINT = "an endpoint does not identify a socket"


def classify(rows):
    listeners = {}
    for number, row in enumerate(rows):
        if row.state == "LISTEN":
            listeners[row.local] = number
    words = []
    for number, row in enumerate(rows):
        if row.protocol == "udp":
            words.append("datagram")
        elif row.local not in listeners:
            words.append("client")
        else:
            words.append("listener" if listeners[row.local] == number else "connection")
    return words
