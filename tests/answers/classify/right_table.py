"""Looks the word up by three yes-or-no questions."""

WORDS = {
    (True, False, False): "datagram",
    (True, False, True): "datagram",
    (False, True, True): "listener",
    (False, False, True): "connection",
    (False, False, False): "client",
}


def classify(rows):
    homes = [(row.local.host, row.local.port) for row in rows if row.state == "LISTEN"]
    return [
        WORDS[row.protocol == "udp", row.state == "LISTEN", tuple(row.local[:2]) in homes]
        for row in rows
    ]
