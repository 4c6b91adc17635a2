"""Finds the listeners first, then names every row by its local endpoint."""


def classify(rows):
    listeners = {row.local for row in rows if row.state == "LISTEN"}
    words = []
    for row in rows:
        if row.protocol == "udp":
            words.append("datagram")
        elif row.state == "LISTEN":
            words.append("listener")
        elif row.local in listeners:
            words.append("connection")
        else:
            words.append("client")
    return words
