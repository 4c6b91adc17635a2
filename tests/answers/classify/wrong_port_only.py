"""Compares port numbers and forgets the address."""

CAUGHT_BY = "compares whole endpoints"
HINT = "an endpoint is an address and a port"


def classify(rows):
    ports = {row.local.port for row in rows if row.state == "LISTEN"}
    words = []
    for row in rows:
        if row.protocol == "udp":
            words.append("datagram")
        elif row.state == "LISTEN":
            words.append("listener")
        else:
            words.append("connection" if row.local.port in ports else "client")
    return words
