"""Outcomes and durations made by hand, and pictures of them."""

from sockets_lab.figures import Cell, Picture, durations, outcome_board

WAITS = {"Nagle": [0.0402, 0.0441, 0.0400, 0.0422], "no delay": [0.00003, 0.00012, 0.00004]}


def spread(at: int) -> list[float]:
    """Two hundred durations around `at` hundredths of a second, the same on every run."""
    return [0.01 * at * (1 + (0.38 * step % 1 - 0.5) ** 3) for step in range(200)]


WAYS = ("close() with bytes unread", "shutdown(SHUT_WR), read to the end, then close()")
SAW = {(WAYS[0], "client 1"): "reset 50 of 50", (WAYS[1], "client 1"): "replied 50 of 50"}


def seventy() -> Picture:
    """Seven servers and ten peers, with every verdict and one cell that was not tried."""
    rows = [f"server model {at}" for at in range(7)]
    columns = [f"peer that claims {'a huge ' * (at % 3)}length {at}" for at in range(10)]
    verdicts = [Cell("replied", "good"), Cell("timed out", "bad"), Cell("closed")]
    pairs = [(row, column) for row in rows for column in columns][1:]
    cells = {pair: verdicts[at % 3] for at, pair in enumerate(pairs)}
    return outcome_board(rows, columns, cells, corner="server", title="Servers and peers")


def closing() -> Picture:
    return outcome_board(WAYS, ["client 1"], SAW, good=["replied"], bad=["reset"])


def of_one() -> Picture:
    return outcome_board(["a"], ["b"], {("a", "b"): "c"})


def waiting() -> Picture:
    """Two claims, one of them false."""
    return durations(WAITS, claims=[("Nagle", 10, "no delay"), ("no delay", 1, "Nagle")])


def long_name() -> Picture:
    return durations({"a way of waiting with a long name, written in full": [0.5]})


def nine_clients() -> Picture:
    return durations({f"client {at}": spread(at) for at in range(1, 10)})
