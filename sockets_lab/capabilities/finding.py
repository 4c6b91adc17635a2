"""What a probe comes back with."""

from typing import Final, NamedTuple

__all__ = ["FOUND", "Finding"]


class Finding(NamedTuple):
    """Why a capability is lacking and how to get it; both empty if it is there."""

    lacking: str = ""
    remedy: str = ""


FOUND: Final = Finding()
