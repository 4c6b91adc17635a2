"""Asks a question of each row, and looks through the others for its listener."""


def word(row, rows):
    if row.protocol != "tcp":
        return "datagram"
    if row.peer is None:
        return "listener"
    at_home = any(
        other.protocol == "tcp" and other.peer is None and other.local == row.local
        for other in rows
    )
    return "connection" if at_home else "client"


def classify(rows):
    return [word(row, rows) for row in rows]
