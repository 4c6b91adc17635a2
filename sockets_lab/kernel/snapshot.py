"""The snapshot that `look()` returns: views of sockets, shown as a small table by role."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from html import escape
from typing import Final

from sockets_lab.kernel.records import SocketView

__all__ = ["Snapshot", "notes"]

_NOT_HELD: Final = {
    "SYN_RECV": "handshake not finished",
    # close() would have moved it on from these two states, so it is not accepted yet.
    "ESTABLISHED": "not accepted yet",
    "CLOSE_WAIT": "not accepted yet",
}
_LEFT: Final = 'style="text-align: left"'  # JupyterLab aligns cells to the right


class Snapshot:
    """Sockets and connections as the kernel reported them at one moment.

    A sequence of SocketView (`views`): `snapshot["client 1"]` returns one by role, `"client 1" in
    snapshot` looks for it. `unseen` lists in words what this machine cannot show. The text is the
    same on every run: it holds roles, states and counts, no ports and no times.
    """

    def __init__(self, views: Sequence[SocketView], unseen: Sequence[str] = ()) -> None:
        self.views = tuple(views)
        self.unseen = tuple(unseen)

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles in it, in order."""
        return tuple(view.role for view in self.views)

    def state(self, role: str) -> str | None:
        """Return the state of `role`, or None if the kernel no longer lists it (or not yet)."""
        return self[role].state if role in self else None

    def __getitem__(self, which: str | int) -> SocketView:
        if isinstance(which, int):
            return self.views[which]
        for view in self.views:
            if view.role == which:
                return view
        near = get_close_matches(str(which), self.roles, n=1) or self.roles
        raise KeyError(f"no role {which!r} here: there is {', '.join(near) or 'none'}")

    def __contains__(self, which: object) -> bool:
        return which in self.roles or which in self.views

    def __iter__(self) -> Iterator[SocketView]:
        return iter(self.views)

    def __len__(self) -> int:
        return len(self.views)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshot):
            return NotImplemented
        return (self.views, self.unseen) == (other.views, other.unseen)

    def __hash__(self) -> int:
        return hash((self.views, self.unseen))

    def __str__(self) -> str:
        rows = [(view.role, view.state, ", ".join(notes(view))) for view in self.views]
        wide, wider = (max((len(row[at]) for row in rows), default=0) for at in (0, 1))
        lines = [f"{role:{wide}}  {state:{wider}}  {note}".rstrip() for role, state, note in rows]
        if self.unseen:
            lines.append(f"cannot be seen here: {'; '.join(self.unseen)}")
        return "\n".join(lines) or "no sockets"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads = "".join(
            f'<th scope="col" {_LEFT}>{head}</th>' for head in ("who", "state", "notes")
        )
        rows = "".join(
            f'<tr><th scope="row" {_LEFT}>{escape(view.role)}</th><td {_LEFT}>{escape(view.state)}'
            f"</td><td {_LEFT}>{escape(', '.join(notes(view)))}</td></tr>"
            for view in self.views
        )
        unseen = f"<p>Cannot be seen here: {escape('; '.join(self.unseen))}.</p>"
        return (
            f"<table><caption>What the kernel says</caption><thead><tr>{heads}</tr></thead>"
            f"<tbody>{rows}</tbody></table>{unseen if self.unseen else ''}"
        )


def notes(view: SocketView) -> list[str]:
    """Return what a view shows beside its role and state, in words.

    Unsent bytes are left out: an acknowledgement may be delayed, so they differ from run to run.
    """
    words = []
    if view.queue is not None:
        limit = "" if view.queue_limit is None else f" of {view.queue_limit}"
        words.append(f"accept queue {view.queue}{limit}")
    if view.has_descriptor is False:
        words.append(_NOT_HELD.get(view.state, "no descriptor any more"))
    if view.unread:
        words.append(f"{_bytes(view.unread)} unread")
    return words


def _bytes(number: int) -> str:
    return f"{number:,} byte" if number == 1 else f"{number:,} bytes"
