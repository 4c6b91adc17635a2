"""Splits the text of an endpoint at its colon."""

CAUGHT_BY = "does the same over IPv6"
HINT = "do not split its text"


def endpoint(text):
    host, port = text.split(":")
    return host, int(port)


def classify(rows):
    listeners = {endpoint(str(row.local)) for row in rows if row.state == "LISTEN"}
    words = []
    for row in rows:
        if row.protocol == "udp":
            words.append("datagram")
        elif row.state == "LISTEN":
            words.append("listener")
        else:
            words.append("connection" if endpoint(str(row.local)) in listeners else "client")
    return words
