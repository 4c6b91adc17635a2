"""Record what Python code does at sockets and in event loops.

`with record() as recording:` records every socket call, in roles; a `Timeline` when each task runs.
"""

from sockets_lab.recording.call import Call
from sockets_lab.recording.recorder import Recording, record
from sockets_lab.recording.timeline import Step, Timeline

__all__ = ["Call", "Recording", "Step", "Timeline", "record"]
