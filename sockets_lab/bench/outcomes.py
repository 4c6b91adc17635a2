"""Every server model against every awkward peer: what each of them saw."""

from collections.abc import Callable, Mapping, Sequence

from sockets_lab.bench.entrants import lack_of
from sockets_lab.framing import encode_length
from sockets_lab.load import serving
from sockets_lab.peers import PEERS
from sockets_lab.servers import MODELS, Limits, Model, framed

__all__ = ["outcomes"]

_LIMITS = Limits(idle_s=0.6, drain_s=2.0)
_REQUEST, _REPLY = encode_length(b"hello"), encode_length(b"HELLO")
_DEADLINE_S = 8.0


def outcomes(
    tell: Callable[[str], object] = lambda words: None, names: Sequence[str] = ()
) -> Mapping[tuple[str, str], str]:
    """Outcomes by (model, peer), of the models of these names, or all that this machine can run.

    tell: is told the model that comes next. After each peer a well-behaved client is served, or
    RuntimeError says which model did not.
    """
    found: dict[tuple[str, str], str] = {}
    for model in MODELS.values():
        if not lack_of(model.needs) and model.name in (names or MODELS):
            tell(model.name)
            found |= _of(model)
    return found


def _of(model: Model) -> Mapping[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    with serving(model.path, framed, limits=_LIMITS) as server:
        for peer in PEERS:
            seen = peer(server.address, _REQUEST, _REPLY, deadline_s=_DEADLINE_S)
            found[model.name, peer.name] = seen.outcome
            after = PEERS[0](server.address, _REQUEST, _REPLY, deadline_s=_DEADLINE_S)
            if after.outcome != "replied":
                raise RuntimeError(
                    f"{model.name} after {peer.name!r}: a well-behaved client saw {after}"
                )
    return found
