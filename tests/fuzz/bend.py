"""Honest bytes made hostile: cut, spliced, overwritten, with the numbers that readers stumble over."""

from hypothesis import strategies as st

ODD = (
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\xff\xff\xff\x7f",
    b"\x00\x01",
)
PLACES = st.floats(0, 1, width=32)
EDITS = st.one_of(
    st.tuples(st.just("flip"), PLACES, st.integers(0, 255)),
    st.tuples(st.just("odd"), PLACES, st.sampled_from(ODD)),
    st.tuples(st.just("insert"), PLACES, st.binary(min_size=1, max_size=12)),
    st.tuples(st.just("text"), PLACES, st.text(max_size=8).map(lambda text: text.encode("utf-8", "ignore"))),
    st.tuples(st.just("delete"), PLACES, st.integers(1, 64)),
    st.tuples(st.just("cut"), PLACES, st.just(b"")),
    st.tuples(st.just("repeat"), PLACES, st.integers(1, 64)),
    st.tuples(st.just("move"), PLACES, PLACES),
)


def bent(samples: list[tuple[str, bytes]]) -> st.SearchStrategy[tuple[str, bytes]]:
    """Names and bytes: mostly samples with some edits, now and then bytes out of nowhere under an honest name."""
    edited = st.tuples(st.sampled_from(samples), st.lists(EDITS, min_size=1, max_size=8)).map(
        lambda drawn: (drawn[0][0], _apply(drawn[0][1], drawn[1]))
    )
    names = st.sampled_from([name for name, _ in samples])
    return st.one_of(edited, edited, edited, st.tuples(names, st.binary(max_size=400)))


def _apply(data: bytes, edits: list[tuple[str, float, object]]) -> bytes:
    for kind, place, what in edits:
        at = int(place * max(0, len(data) - 1))
        match kind, what:
            case "flip", int(value):
                data = data[:at] + bytes([value]) + data[at + 1 :]
            case "odd", bytes(value):
                data = data[:at] + value + data[at + len(value) :]
            case "insert" | "text", bytes(value):
                data = data[:at] + value + data[at:]
            case "delete", int(count):
                data = data[:at] + data[at + count :]
            case "cut", _:
                data = data[:at]
            case "repeat", int(count):
                data = data[:at] + data[at : at + count] * 3 + data[at:]
            case "move", float(other):
                to = int(other * max(0, len(data) - 1))
                data = data[:to] + data[at : at + 32] + data[to:]
    return data
