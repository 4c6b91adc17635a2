"""Pictures of what was measured, each with its words; one file for each kind of picture.

Every function takes records and returns a `Picture`: a drawing that JupyterLab shows, and a
description in words that is the same on every run. This is the only room that imports matplotlib,
which is slow to import: import the room only where a picture is drawn.
"""

from sockets_lab.figures.address_bits import address_bits
from sockets_lab.figures.boundaries import boundaries
from sockets_lab.figures.buffers_over_time import buffers_over_time
from sockets_lab.figures.call_sequence import call_sequence
from sockets_lab.figures.canvas.picture import Picture
from sockets_lab.figures.capabilities_board import capabilities_board
from sockets_lab.figures.completed_by_backlog import completed_by_backlog
from sockets_lab.figures.connection_race import connection_race
from sockets_lab.figures.cost_ratios import cost_ratios
from sockets_lab.figures.durations import durations
from sockets_lab.figures.endpoint_graph import endpoint_graph
from sockets_lab.figures.lab_map import lab_map
from sockets_lab.figures.latencies import coordinated_omission, latency_cdf
from sockets_lab.figures.outcome_board import Cell, outcome_board
from sockets_lab.figures.packet_ladder import packet_ladder
from sockets_lab.figures.queue_over_time import queue_over_time
from sockets_lab.figures.scaling import Scale, scaling
from sockets_lab.figures.states_over_time import states_over_time
from sockets_lab.figures.task_timeline import task_timeline
from sockets_lab.figures.tls_flights import tls_flights
from sockets_lab.figures.waiting_costs import Waiting, waiting_costs

__all__ = [
    "Cell",
    "Picture",
    "Scale",
    "Waiting",
    "address_bits",
    "boundaries",
    "buffers_over_time",
    "call_sequence",
    "capabilities_board",
    "completed_by_backlog",
    "connection_race",
    "coordinated_omission",
    "cost_ratios",
    "durations",
    "endpoint_graph",
    "lab_map",
    "latency_cdf",
    "outcome_board",
    "packet_ladder",
    "queue_over_time",
    "scaling",
    "states_over_time",
    "task_timeline",
    "tls_flights",
    "waiting_costs",
]
