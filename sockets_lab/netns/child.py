"""Run a function in a child process that has a private network.

Experiments that change the kernel's network settings, or send handmade packets, must not touch the
machine that the learner works on. Linux can give one process a separate network stack
(network_namespaces(7)), and lets an ordinary user do so inside a user namespace, in which they are
root over that network and over nothing else (user_namespaces(7)). Creating it takes a millisecond;
most of the time goes into starting Python.

The child is a new interpreter, not a fork: a notebook's kernel has threads, and only a process with
one thread may enter a user namespace. cloudpickle sends the function, because the functions of a
notebook cell are in no file from which the child could import them.
"""

import pickle
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from sockets_lab.capabilities.namespaces import enter, join
from sockets_lab.child import Parent, call_in_child, name_of, pack
from sockets_lab.netns.errors import refusal, require

__all__ = ["call_in_network", "in_private_network"]

T = TypeVar("T")


def in_private_network(function: Callable[..., T], /, *args: object, deadline_s: float = 10.0) -> T:
    """Run a function in a child process whose network holds nothing but a loopback interface.

    function, args: anything cloudpickle can pickle, functions of a notebook's cells included; open
        sockets, files and locks cannot be sent: open them inside the function.
    deadline_s: seconds, counted from the start of the process (about 0.15 s go by before the
        function begins).

    Inside, the function is root over its network: it may write /proc/sys/net and open raw sockets.
    What it prints appears here; what it changes in variables does not: return what you need.

    Returns what the function returns, and raises what it raises, with a note on where. Raises
    NoPrivateNetwork where the machine cannot create one, TimeoutError at the deadline, TypeError
    for what cannot be pickled. The process and all that it started in its process group are ended
    on every way out, the death of the caller included. See unshare(2), prctl(2).
    """
    require("namespaces")
    return call_in_network(function, args, deadline_s)


def call_in_network(
    function: Callable[..., T],
    args: tuple[object, ...],
    deadline_s: float,
    namespace_fds: Sequence[int] = (),
) -> T:
    """Call a function in a child process, in a new network or in that of `namespace_fds`.

    namespace_fds: descriptors of namespaces, in the order in which to enter them (setns(2)); () for
        new ones. Returns and raises as `in_private_network` does.
    """
    packed = pack((function, args), "cannot send the function and its arguments")
    result = call_in_child(
        _call_here,
        packed,
        namespace_fds,
        deadline_s=deadline_s,
        name=name_of(function),
        place="in the private network",
        pass_fds=namespace_fds,
        forward=True,
    )
    return cast(T, result)  # what `function` returned


def _call_here(parent: Parent, packed: bytes, namespace_fds: Sequence[int]) -> object:
    """Enter the network, then call what is packed; runs in the child process."""
    try:
        join(namespace_fds) if namespace_fds else enter()
    except OSError as error:
        raise refusal(error) from None
    parent.die_with()  # no thread watches the parent: the function may enter more namespaces
    function, args = pickle.loads(packed)
    return function(*args)
