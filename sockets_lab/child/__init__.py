"""Child processes: call a function in a new Python process, and end that process on every way out.

- `process`: `ChildProcess`, which the parent holds, and `call_in_child`
- `child_main`: `Parent`, the parent process as a function in the child sees it
- `messages`: the requests and replies that go between them
- `output`: what becomes of the text that the child prints
"""

from sockets_lab.child.child_main import Parent, end_group
from sockets_lab.child.messages import Reply, pack
from sockets_lab.child.process import ChildProcess, call_in_child, name_of

__all__ = ["ChildProcess", "Parent", "Reply", "call_in_child", "end_group", "name_of", "pack"]
