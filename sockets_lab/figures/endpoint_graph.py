"""Endpoints, the sockets that share each of them, and the connections between them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from sockets_lab.addresses import Endpoint
from sockets_lab.figures.canvas.card import Card, Point, house_settings, pill_width, text_width
from sockets_lab.figures.canvas.palette import SOFT, Hue, kind_of, role_hue
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.kernel import Snapshot, SocketView

__all__ = ["endpoint_graph"]

_TOP, _BETWEEN, _SPACE = 92.0, 170.0, 20.0
_HEAD, _CHIP = 54.0, 34.0


class _Node(NamedTuple):
    """One endpoint, and every socket bound to it; no sockets if they are outside the picture."""

    endpoint: Endpoint | None
    views: tuple[SocketView, ...]
    name: str

    @property
    def serves(self) -> bool:
        """Return True for an endpoint that clients connect to; it is drawn on the right."""
        if any(v.state == "LISTEN" or kind_of(v.role) == "connection" for v in self.views):
            return True
        return any(v.kind == "datagram" and v.peer is None for v in self.views)


class _Edge(NamedTuple):
    """One connection: a pair of ends, each a socket or, outside the picture, an endpoint."""

    ends: tuple[SocketView | Endpoint, SocketView | Endpoint]

    @property
    def held(self) -> bool:
        """Return True if each end seen here has a descriptor."""
        return all(e.has_descriptor is not False for e in self.ends if isinstance(e, SocketView))


def endpoint_graph(snapshot: Snapshot, *, title: str = "Endpoints and connections") -> Picture:
    """Draw each endpoint as a box around the sockets that have it, and connections as lines.

    An endpoint is a pair of address and port. A listener and the connections accepted from it share
    one; so do two listeners with SO_REUSEPORT, and a datagram socket on the same address and port.
    A connection is a pair of endpoints (RFC 9293, 3.3.1 and 4.1).

    Raises ValueError if the snapshot holds no socket.
    """
    nodes = _nodes(snapshot)
    if not snapshot.views:
        raise ValueError("nothing to draw: the snapshot holds no socket; give look() at least one")
    edges = _edges(snapshot.views)
    with house_settings():
        return Picture(_draw(nodes, edges, title), _words(nodes, edges))


def _nodes(snapshot: Snapshot) -> list[_Node]:
    shared: dict[Endpoint, list[SocketView]] = {}
    unbound: list[_Node] = []
    for view in snapshot.views:
        if view.local is None or not view.local.port:
            unbound.append(_Node(None, (view,), "no address yet"))
        else:
            shared.setdefault(view.local, []).append(view)
    nodes = [_Node(end, _sorted(views), _name(views)) for end, views in shared.items()]
    for at, end in enumerate(_outside(snapshot.views), start=1):
        nodes.append(_Node(end, (), f"address {at} outside this picture"))
    return nodes + unbound


def _outside(views: Iterable[SocketView]) -> list[Endpoint]:
    inside = {view.local for view in views}
    return list(dict.fromkeys(v.peer for v in views if v.peer and v.peer not in inside))


def _sorted(views: Iterable[SocketView]) -> tuple[SocketView, ...]:
    """Sort TCP before UDP, and the listener before its connections."""
    order = {"listener": 0, "connection": 2, "datagram": 3}
    return tuple(
        sorted(views, key=lambda v: (v.kind != "stream", order.get(_kind(v), 1), _number(v.role)))
    )


def _kind(view: SocketView) -> str:
    if view.state == "LISTEN":
        return "listener"
    return "datagram" if view.kind == "datagram" else kind_of(view.role)


def _number(role: str) -> tuple[int, str]:
    last = role.rpartition(" ")[2]
    return (int(last), "") if last.isdigit() else (0, role)


def _name(views: Sequence[SocketView]) -> str:
    """Name an endpoint after its first listener, or its first socket."""
    first = _sorted(views)[0].role
    return "the listener's address" if first == "listener" else f"{first}'s address"


def _edges(views: Sequence[SocketView]) -> list[_Edge]:
    seen: set[frozenset[tuple[str, Endpoint | None]]] = set()
    edges = []
    for view in views:
        pair = frozenset({(view.kind, view.local), (view.kind, view.peer)})
        if view.peer is None or view.local is None or pair in seen:
            continue
        seen.add(pair)
        peers = [
            v for v in views if (v.kind, v.local, v.peer) == (view.kind, view.peer, view.local)
        ]
        target = [v for v in views if (v.kind, v.local, v.peer) == (view.kind, view.peer, None)]
        one_way = target if view.kind == "datagram" else []
        edges.append(_Edge((view, (peers + one_way + [view.peer])[0])))
    return edges


# --- words --------------------------------------------------------------------------------------


def _words(nodes: Sequence[_Node], edges: Sequence[_Edge]) -> str:
    sockets = sum(len(node.views) for node in nodes)
    ends = sum(node.endpoint is not None for node in nodes)
    count = ", ".join(
        [_many(sockets, "socket"), _many(ends, "endpoint"), _many(len(edges), "connection")]
    )
    named = {node.endpoint: node.name for node in nodes if node.endpoint}
    lines = [_in_words(node) for node in nodes if node.views]
    return "\n".join([count, *lines, *(_pair(edge, named) for edge in edges)])


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _in_words(node: _Node) -> str:
    if len(node.views) == 1:
        return f"{node.name}: {_socket(node.views[0])}"
    return f"{node.name} is shared by {', '.join(map(_socket, node.views))}"


def _socket(view: SocketView) -> str:
    udp = "UDP, " if view.kind == "datagram" else ""
    waiting = view.has_descriptor is False and view.state in {"ESTABLISHED", "CLOSE_WAIT"}
    return f"{view.role} ({udp}{view.state}{', not accepted yet' * waiting})"


def _pair(edge: _Edge, named: dict[Endpoint, str]) -> str:
    ends = [end.local if isinstance(end, SocketView) else end for end in edge.ends]
    first, second = [named[end] for end in ends if end]
    roles = [end.role for end in edge.ends if isinstance(end, SocketView)]
    return f"connection of {first} with {second}: {' and '.join(roles)}"


# --- drawing ------------------------------------------------------------------------------------


class _Box(NamedTuple):
    """One node, and where its box is."""

    node: _Node
    x: float
    y: float
    width: float

    @property
    def height(self) -> float:
        return _height(self.node)

    def port(self, view: SocketView | None, *, left: bool) -> Point:
        """Return where a line meets this box: beside a socket, or beside the heading."""
        at = self.node.views.index(view) if view in self.node.views else None
        y = self.y + (_HEAD / 2 if at is None else _HEAD + _CHIP * (at + 0.5) - 4)
        return (self.x if left else self.x + self.width, y)


def _height(node: _Node) -> float:
    return _HEAD + _CHIP * len(node.views) + (4 if node.views else 0)


def _node_width(node: _Node) -> float:
    chips = [
        44 + text_width(v.role, 12, bold=True) + 18 + pill_width(v.state) + 24 for v in node.views
    ]
    heads = [
        46 + text_width(node.name, 12.5, bold=True),
        46 + text_width(_address(node), 11, mono=True),
    ]
    return max(chips + heads) + 18


def _address(node: _Node) -> str:
    return str(node.endpoint) if node.endpoint else "bind() or connect() gives one"


def _draw(nodes: Sequence[_Node], edges: Sequence[_Edge], title: str) -> Figure:
    right = [node for node in nodes if node.serves]
    left = [node for node in nodes if not node.serves]
    if not right or not left:
        right, left = [], list(nodes)
    heights = [sum(_height(n) + _SPACE for n in side) - _SPACE for side in (left, right)]
    tall = max(heights)
    boxes = _stack(left, 24, _TOP + (tall - heights[0]) / 2)
    if right:
        edge = max(box.x + box.width for box in boxes) + _BETWEEN
        boxes += _stack(right, edge, _TOP + (tall - heights[1]) / 2)
    width = max(box.x + box.width for box in boxes) + 24
    legend = _legend(edges)
    width = max(width, 24 + max(text_width(text, 12) for text in [_NOTE, *legend]) + 64)
    card = Card(width, _TOP + tall + 26 + 24 * len(legend), title, _NOTE)
    for box in boxes:
        _draw_node(card, box)
    for line in edges:
        _draw_edge(card, line, boxes)
    for at, text in enumerate(legend):
        y = _TOP + tall + 26 + 24 * at
        card.line([(24, y), (58, y)], role_hue("connection").line, stroke=2, dashed=at > 0)
        card.text(68, y, text, size=11, ink=SOFT)
    return card.figure


_NOTE = "a box is one endpoint, an address with a port; inside it, the sockets that have it"


def _legend(edges: Sequence[_Edge]) -> list[str]:
    if not edges:
        return []
    dashed = "dashed: one of its ends has no descriptor: it is not accepted yet, or it is closed"
    return ["a line is one connection: a pair of endpoints"] + [dashed] * (
        not all(edge.held for edge in edges)
    )


def _stack(nodes: Sequence[_Node], x: float, y: float) -> list[_Box]:
    width = max(map(_node_width, nodes))
    boxes = []
    for node in nodes:
        boxes.append(_Box(node, x, y, width))
        y += _height(node) + _SPACE
    return boxes


def _hue(node: _Node) -> Hue:
    return role_hue(_kind(node.views[0]) if node.views else "other")


def _draw_node(card: Card, box: _Box) -> None:
    hue, node, (x, y) = _hue(box.node), box.node, (box.x, box.y)
    card.box(x, y, box.width, box.height, hue.tint, hue.line, radius=10, dashed=not node.endpoint)
    card.disc(x + 23, y + 25, 9, "none", hue.line)
    card.disc(x + 23, y + 25, 4, hue.line if node.endpoint else "none")
    card.text(x + 42, y + 18, node.name, size=12.5, bold=True, ink=hue.ink)
    card.text(x + 42, y + 35, _address(node), size=11, mono=bool(node.endpoint), ink=hue.ink)
    for at, view in enumerate(node.views):
        _draw_chip(card, box, view, y + _HEAD + _CHIP * at - 4)


def _draw_chip(card: Card, box: _Box, view: SocketView, top: float) -> None:
    hue, x = role_hue(_kind(view)), box.x + 10
    width, y = box.width - 20, top + (_CHIP - 6) / 2 + 3
    bare = view.has_descriptor is False
    card.box(x, y - 14, width, 28, "#ffffff", hue.line, radius=7, dashed=bare, level=2.5)
    tag = "UDP" if view.kind == "datagram" else "TCP"
    card.text(x + 10, y, tag, size=10, mono=True, ink=SOFT)
    card.text(x + 38, y, view.role, bold=True, ink=hue.ink)
    card.pill(x + width - 8, y, view.state, align="right", dashed=bare)


def _draw_edge(card: Card, edge: _Edge, boxes: Sequence[_Box]) -> None:
    ends = [(_find(boxes, end), end if isinstance(end, SocketView) else None) for end in edge.ends]
    (one, one_view), (two, two_view) = sorted(ends, key=lambda end: end[0].x)
    hue = role_hue("connection")
    start = one.port(one_view, left=False)
    end = two.port(two_view, left=two.x > one.x)
    if two.x > one.x:
        card.curve(start, end, hue.line, dashed=not edge.held)
    else:
        card.hook(start, end, hue.line, dashed=not edge.held)
    card.disc(*start, 4, hue.line)
    card.disc(*end, 4, hue.line)


def _find(boxes: Sequence[_Box], end: SocketView | Endpoint) -> _Box:
    if isinstance(end, SocketView):
        return next(box for box in boxes if end in box.node.views)
    return next(box for box in boxes if box.node.endpoint == end)
