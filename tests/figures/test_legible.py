"""Legibility of every picture: nothing clipped, covered or pale, and no meaning by hue alone."""

import hashlib
import io
from itertools import combinations

import matplotlib
import pytest
from PIL import Image

from sockets_lab.figures import Picture
from sockets_lab.figures.canvas.palette import CARD, INK, SOFT, WARNING, look_of_state, role_hue
from tests.support.figure_checks import VISIONS, colour_distance, contrast, faults, pale, texts
from tests.support.sample_figures import PICTURES

FEW = ("one call", "one state", "a queue", "backlogs", "a listener alone")
KINDS = ("client", "listener", "connection", "datagram", "other")
STATES = (
    *("LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2"),
    *("CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT", "CLOSED"),
)


@pytest.fixture(scope="module", params=PICTURES)
def picture(request: pytest.FixtureRequest) -> Picture:
    return PICTURES[request.param]()


@pytest.mark.parametrize("dpi", [100, 200])
def test_nothing_is_clipped_and_no_words_overlap(picture: Picture, dpi: float) -> None:
    assert faults(picture.figure, dpi) == []


def test_words_contrast_with_what_is_under_them(picture: Picture) -> None:
    assert pale(picture.figure) == []


def test_no_letters_are_smaller_than_ten_pixels(picture: Picture) -> None:
    assert min(text.get_fontsize() * 100 / 72 for text in texts(picture.figure)) >= 9.99


def test_card_is_light_and_opaque_except_corners(picture: Picture) -> None:
    image = Image.open(io.BytesIO(picture.png(dpi=100))).convert("RGBA")
    width, height = image.size
    assert image.getpixel((0, 0))[3] == 0
    middle = image.crop((6, 6, width - 6, height - 6))
    assert middle.getextrema()[3] == (255, 255)
    assert contrast(CARD, "black") > 18


def test_same_records_give_the_same_bytes() -> None:
    for name in FEW:
        assert _digest(PICTURES[name]()) == _digest(PICTURES[name]())


def _digest(picture: Picture) -> str:
    return hashlib.sha256(picture.png(dpi=100)).hexdigest()


def test_learner_settings_neither_used_nor_changed() -> None:
    plain = {name: _digest(PICTURES[name]()) for name in FEW}
    theirs = {"font.size": 30, "text.color": "white", "axes.grid": True, "lines.linewidth": 9}
    with matplotlib.rc_context({**theirs, "axes.facecolor": "black", "font.family": "serif"}):
        before = matplotlib.rcParams.copy()
        assert {name: _digest(PICTURES[name]()) for name in FEW} == plain
        assert matplotlib.rcParams.copy() == before


@pytest.mark.parametrize("vision", VISIONS)
def test_roles_differ_in_hue_for_every_eye(vision: str) -> None:
    near = {
        (one, two): round(distance, 1)
        for one, two in combinations(KINDS, 2)
        if (distance := colour_distance(role_hue(one).line, role_hue(two).line, vision)) < 9
    }
    assert near == {}


@pytest.mark.parametrize("vision", VISIONS)
def test_states_differ_in_colour_or_hatch_for_every_eye(vision: str) -> None:
    looks = {state: look_of_state(state) for state in STATES}
    near = [
        (one, two)
        for one, two in combinations(STATES, 2)
        if looks[one].hatch == looks[two].hatch
        and colour_distance(looks[one].fill, looks[two].fill, vision) < 6
        and colour_distance(looks[one].edge, looks[two].edge, vision) < 9
    ]
    assert near == []


def test_inks_have_the_contrast_for_small_letters() -> None:
    pairs = [(INK, CARD), (SOFT, CARD), (WARNING.ink, CARD)]
    pairs += [(role_hue(kind).ink, role_hue(kind).tint) for kind in KINDS]
    pairs += [(look_of_state(state).ink, look_of_state(state).fill) for state in STATES]
    assert [pair for pair in pairs if contrast(*pair) < 4.5] == []


def test_unknown_state_is_drawn_too() -> None:
    assert look_of_state("NEW_STATE").fill
