"""Every server model against every awkward peer: what each peer observed."""

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
    on_progress: Callable[[str], object] = lambda name: None, names: Sequence[str] = ()
) -> Mapping[tuple[str, str], str]:
    """Return outcomes by (model, peer), for the models of these names, all by default.

    on_progress: is called with the name of each model before its turn

    Models that this machine cannot run are skipped. After each peer a well-behaved client must be
    served; RuntimeError names the model that does not.
    """
    found: dict[tuple[str, str], str] = {}
    for model in MODELS.values():
        if not lack_of(model.needs) and model.name in (names or MODELS):
            on_progress(model.name)
            found |= _outcomes_of(model)
    return found


def _outcomes_of(model: Model) -> Mapping[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    with serving(model.path, framed, limits=_LIMITS) as server:
        for peer in PEERS:
            result = peer(server.address, _REQUEST, _REPLY, deadline_s=_DEADLINE_S)
            found[model.name, peer.name] = result.outcome
            after = PEERS[0](server.address, _REQUEST, _REPLY, deadline_s=_DEADLINE_S)
            if after.outcome != "replied":
                raise RuntimeError(
                    f"{model.name} after {peer.name!r}: a well-behaved client observed {after}"
                )
    return found
