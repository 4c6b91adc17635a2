"""Pictures of what was measured, each with its words; one file a kind of picture.

Every verb takes records and returns a `Picture`: a drawing that JupyterLab shows, and a
description in words that is the same on every run. This is the only room that imports matplotlib,
so it is imported where a picture is drawn, and not before.
"""

from sockets_lab.figures.abilities_board import abilities_board
from sockets_lab.figures.boundaries import boundaries
from sockets_lab.figures.buffers_over_time import buffers_over_time
from sockets_lab.figures.call_sequence import call_sequence
from sockets_lab.figures.completed_by_backlog import completed_by_backlog
from sockets_lab.figures.durations import durations
from sockets_lab.figures.endpoint_graph import endpoint_graph
from sockets_lab.figures.lab_map import lab_map
from sockets_lab.figures.latency_cdf import latency_cdf
from sockets_lab.figures.omission import omission
from sockets_lab.figures.outcome_board import Outcome, outcome_board
from sockets_lab.figures.packet_ladder import packet_ladder
from sockets_lab.figures.picture import Picture
from sockets_lab.figures.queue_over_time import queue_over_time
from sockets_lab.figures.scaling import Scale, scaling
from sockets_lab.figures.states_over_time import states_over_time

__all__ = [
    "Outcome",
    "Picture",
    "Scale",
    "abilities_board",
    "boundaries",
    "buffers_over_time",
    "call_sequence",
    "completed_by_backlog",
    "durations",
    "endpoint_graph",
    "lab_map",
    "latency_cdf",
    "omission",
    "outcome_board",
    "packet_ladder",
    "queue_over_time",
    "scaling",
    "states_over_time",
]
