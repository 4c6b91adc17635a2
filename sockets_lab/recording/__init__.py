"""Record the socket calls that Python code makes, in roles: `with record() as recording:`."""

from sockets_lab.recording.call import Call
from sockets_lab.recording.recorder import Recording, record

__all__ = ["Call", "Recording", "record"]
