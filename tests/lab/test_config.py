"""Every kind of mistake in lab.yaml gives exactly the lines that a user should read."""

import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.claims import CompareClaim, GrowthClaim, LimitClaim
from lab.config import load, parse
from lab.errors import EXIT_USAGE, ConfigErrors
from lab.schema import Lab

BASE = """\
version: 1
defaults: {protocol: echo, payload: 64 B, seed: 1}
profiles:
  quick: {looks: [12], warm-up: 0.25 s, window: 0.5 s, cool-down: 0.05 s}
  full: {looks: [12, 18], warm-up: 1 s, window: 2 s, cool-down: 0.2 s}
experiments:
  idle:
    question: What does a silent connection cost?
    arms: [select, poll, epoll]
    load:
      long: {connections: 4, rate: 1000/s}
      idle: {connections: $idle}
    factors:
      idle: {quick: [0, 450, 900], full: [0, 20, 450, 900]}
    factors-for:
      epoll: {idle: {full: [0, 20, 450, 900, 4000]}}
  one:
    question: What does one connection cost?
    arms: {blocking: blocking, thread: {server: threads, workers: 1}}
    load:
      long: {connections: 1, think: 400 us}
claims:
  idle-epoll:
    kind: compare
    sentence: epoll beats select.
    experiment: idle
    metric: cpu
    ratio: select / epoll
    at: {idle: 900}
    at-least: 1.30
    because: less is not worth it
    profiles: [quick, full]
  flat:
    kind: growth
    sentence: epoll is flat.
    experiment: idle
    metric: cpu
    arm: epoll
    over: idle
    growth: constant
    profiles: [quick, full]
  wall:
    kind: limit
    sentence: select has a limit.
    probe: select-1024
    profiles: [full]
"""


def lines(text: str | bytes) -> list[str]:
    """Return what is said about a lab.yaml; none: it loads."""
    try:
        parse(text.encode() if isinstance(text, str) else text)
    except ConfigErrors as errors:
        return errors.problems
    return []


CASES = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["wrong"] for case in CASES])
def test_each_mistake_is_told_with_its_place(case: dict) -> None:
    old, new = case["instead of"], case["write"]
    assert old in BASE
    assert lines(BASE.replace(old, new, 1)) == [f"lab.yaml:{line}" for line in case["told"]]


def test_the_base_of_all_cases_is_right() -> None:
    assert lines(BASE) == []


def test_all_mistakes_are_told_at_once_in_order_of_position() -> None:
    text = (
        BASE.replace("at-least: 1.30", "at-least: 0.5")
        .replace("1000/s", "500")
        .replace("experiment: idle", "experiment: idel")
        .replace("probe: select-1024", "prob: select-1024")
        .replace("seed: 1}", "seed: -1}")
    )
    found = lines(text)
    assert [line.split(": ")[0] for line in found] == [
        "lab.yaml:2:49",
        "lab.yaml:11:36",
        "lab.yaml:30:15",
        "lab.yaml:36:17",
        "lab.yaml:45:5",
    ]


def test_a_section_that_is_missing() -> None:
    assert lines(BASE[: BASE.index("claims:")]) == [
        'lab.yaml:1:1: "claims" is missing. Write claims: and one entry at least.'
    ]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "lab.yaml:1:1: the file is empty. Start with version: 1."),
        (b"# nothing\n", "lab.yaml:1:1: the file is empty. Start with version: 1."),
        (b"a\nb\xff", "lab.yaml:2:2: this is not UTF-8. Save it as UTF-8."),
        (b"- 1\n", "lab.yaml:1:1: this is not a mapping. Start with version: 1."),
        (b"a: \x00b", "lab.yaml:1:4: U+0000 is not a character of text."),
        (b"[" * 5000, "lab.yaml:1:33: nested too deeply. lab.yaml needs seven levels."),
        (b'a: "\\uD800"', 'lab.yaml:1:4: a: "\\ud800" is not valid text.'),
    ],
)
def test_what_is_no_lab_yaml_at_all(raw: bytes, expected: str) -> None:
    assert expected in lines(raw)


def test_a_message_is_one_printable_line_whatever_the_file_holds() -> None:
    text = BASE.replace("  idle:\n", '  "id\\nle":\n').replace("metric: cpu", "metric: \U000101fe")
    for line in lines(text):
        assert line.isprintable()


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert lines(b"\xef\xbb\xbf" + BASE.encode()) == []


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path / name)
    assert len(caught.value.problems) == 1
    assert "cannot be read" in str(caught.value)
    assert caught.value.exit_code == EXIT_USAGE


# ---- what comes out


def test_units_and_defaults_are_read() -> None:
    lab = parse(BASE.encode())
    one, idle = lab.experiments["one"], lab.experiments["idle"]
    assert lab.profiles["quick"].warm_up == 0.25
    assert one.load.long is not None
    assert one.load.long.think == 0.0004
    assert one.load.long.payload == 64
    assert one.arms["thread"].server == "threads"
    assert idle.protocol == "echo"
    assert idle.load.idle is not None
    assert idle.load.idle.connections == "$idle"
    wall, compare, flat = (lab.claims[name] for name in ("wall", "idle-epoll", "flat"))
    assert isinstance(wall, LimitClaim)
    assert isinstance(compare, CompareClaim)
    assert (compare.ratio.a, compare.ratio.b, compare.margin) == ("select", "epoll", 1.3)
    assert compare.at == [{"idle": 900}]
    assert isinstance(flat, GrowthClaim)


PATHS = BASE.replace(
    "    arms: {blocking: blocking, thread: {server: threads, workers: 1}}\n",
    "    protocol: http\n    arms: [sanic, threads]\n",
)


@pytest.mark.parametrize(
    ("load", "payload", "path"),
    [
        ("", 64, None),
        (", payload: 9 B", 9, None),
        (", payload: 9 B, path: /echo", 9, "/echo"),
        (", path: /bytes/1000", None, "/bytes/1000"),
        (", path: /block/5", None, "/block/5"),
    ],
)
def test_a_load_of_http_has_a_path_or_a_payload(
    load: str, payload: int | None, path: str | None
) -> None:
    lab = parse(PATHS.replace("think: 400 us", f"think: 400 us{load}").encode())
    found = lab.experiments["one"].load.long
    assert found is not None
    assert (found.payload, found.path) == (payload, path)
    for by_alias in (True, False):
        assert Lab.model_validate_json(lab.model_dump_json(by_alias=by_alias)) == lab


def test_a_load_without_a_path_says_nothing_of_paths() -> None:
    """So the hash of a lab.yaml from before there were paths is still the same."""
    assert "path" not in parse(BASE.encode()).model_dump_json()
    other = PATHS.replace("think: 400 us", "think: 400 us, path: /block/5")
    assert parse(other.encode()).sha256 != parse(PATHS.encode()).sha256


@pytest.mark.parametrize(
    ("arms", "load"),
    [
        ("{pool: {server: thread-pool, workers: 3}}", "long: {connections: 3, think: 0 s}"),
        (
            "{pool: {server: prefork, workers: 3}}",
            "idle: {connections: 2}\n      short: {connections: 9, rate: 9/s}",
        ),
        ("[blocking]", "short: {connections: 9, rate: 9/s}"),
    ],
)
def test_a_server_of_few_at_once_takes_as_many_as_it_serves(arms: str, load: str) -> None:
    old = "{blocking: blocking, thread: {server: threads, workers: 1}}"
    text = BASE.replace(old, arms).replace("long: {connections: 1, think: 400 us}", load)
    assert lines(text) == []


def test_the_class_of_a_response_time_is_filled_in_where_there_is_one() -> None:
    claim = parse(BASE.replace("metric: cpu\n    ratio", "metric: p50\n    ratio").encode()).claims
    assert getattr(claim["idle-epoll"], "connection_class", None) == "long"
    short = "      short: {connections: 8, rate: 9/s}\n"
    two = BASE.replace("      idle: {conn", short + "      idle: {conn")
    text = two.replace("metric: cpu\n    ratio", "metric: p90\n    ratio")
    assert lines(text) == [
        (
            "lab.yaml:28:13: claims.idle-epoll.metric: p90 of which class? "
            "Write class: long or class: short."
        )
    ]


def test_an_experiment_may_have_phases_of_its_own_for_a_reason() -> None:
    with_timing = BASE.replace(
        "  one:\n", "    timing: {quick: {window: 3 s, because: slow}}\n  one:\n"
    )
    assert parse(with_timing.encode()).experiments["idle"].timing["quick"].window == 3.0
    assert lines(with_timing.replace(", because: slow", "")) == [
        (
            'lab.yaml:17:14: experiments.idle.timing.quick: "because" is missing. '
            "Write because: and one line on why this much, or this long, matters."
        )
    ]


def test_a_lab_survives_json() -> None:
    lab = parse(BASE.encode())
    for by_alias in (True, False):
        assert Lab.model_validate_json(lab.model_dump_json(by_alias=by_alias)) == lab


def test_the_hash_is_of_the_content_not_of_the_writing() -> None:
    lab = parse(BASE.encode())
    same = BASE.replace("0.25 s", "250 ms").replace("profiles:\n", "profiles: # a comment\n")
    other = BASE.replace("1.30", "1.31")
    assert parse(same.encode()).sha256 == lab.sha256
    assert parse(other.encode()).sha256 != lab.sha256
    assert parse(other.encode()).claim_sha256("idle-epoll") != lab.claim_sha256("idle-epoll")
    assert parse(other.encode()).claim_sha256("flat") == lab.claim_sha256("flat")


# ---- include

PART = """\
experiments:
  more:
    question: And with two?
    arms: [epoll, threads]
    load: {long: {connections: 2, rate: 100/s}}
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / "more").mkdir(exist_ok=True)
        (folder / "more" / f"{name}.yaml").write_text(text, encoding="utf-8")
    path = folder / "lab.yaml"
    path.write_text("include: [more/*.yaml]\n" + BASE, encoding="utf-8")
    return path


def test_included_experiments_and_claims_are_merged(tmp_path: Path) -> None:
    lab = load(write(tmp_path, part=PART))
    assert list(lab.experiments) == ["idle", "one", "more"]
    assert lab.experiments["more"].load.long is not None
    assert lab.experiments["more"].load.long.payload == 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            PART.replace("100/s", "100"),
            '5:41: experiments.more.load.long.rate: "100" has no unit. Write 100/s.',
        ),
        (
            PART.replace("100/s", "!x 100/s"),
            '5:41: experiments.more.load.long.rate: the tag "!x" is not used here. Leave it out.',
        ),
        (
            PART.replace("more:", "one:"),
            "2:3: experiments.one: stands here again, first in LAB:18:3. Rename or remove one.",
        ),
        (
            "version: 1\n",
            (
                '1:1: version: "version" cannot stand in an included file. '
                "Write one of experiments, claims, searches."
            ),
        ),
        ("- 1\n", "1:1: this is not a mapping. Start with experiments: or claims:."),
        ("a: [\n", "2:1: not valid YAML: expected the node content, but found '<stream end>'. "),
    ],
)
def test_mistakes_in_an_included_file_name_it(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, part=text)
    with pytest.raises(ConfigErrors) as caught:
        load(path)
    expected = expected.replace("LAB", str(path))
    (found,) = caught.value.problems
    assert found.startswith(f"{tmp_path / 'more' / 'part.yaml'}:{expected}")


@pytest.mark.parametrize("pattern", ["nothing/*.yaml", '"\\0"', "..", "'[', /nothing"])
def test_an_include_that_matches_nothing(tmp_path: Path, pattern: str) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(f"include: [{pattern}]\n{BASE}", encoding="utf-8")
    with pytest.raises(ConfigErrors, match=r"matches no file beside lab\.yaml"):
        load(path)


# ---- whatever comes


def loads_or_explains(text: str | bytes) -> None:
    for line in lines(text):
        assert line.startswith("lab.yaml:")
        assert line.isprintable()


@given(st.one_of(st.text(), st.binary()))
@settings(deadline=None)
def test_any_text_loads_or_is_explained(text: str | bytes) -> None:
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    loads_or_explains(raw)


WORDS = sorted(set(yaml.safe_dump(yaml.safe_load(BASE)).replace(":", " ").split()))
SCALARS = st.one_of(
    st.sampled_from([*WORDS, "$idle", "a / b", "*", "", "~", "1e3", "1:30", "2024-01-01", "<<"]),
    st.integers(-5, 10**20),
    st.floats(),
    st.booleans(),
    st.none(),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    ),
    max_leaves=12,
)


def replaced(tree: object, new: object, chance: random.Random) -> object:
    """Return the tree with one value, somewhere, exchanged."""
    if isinstance(tree, dict) and tree and chance.random() < 0.9:
        key = chance.choice(sorted(tree))
        return {**tree, key: replaced(tree[key], new, chance)}
    if isinstance(tree, list) and tree and chance.random() < 0.9:
        at = chance.randrange(len(tree))
        return [*tree[:at], replaced(tree[at], new, chance), *tree[at + 1 :]]
    return new


@given(st.lists(TREES, min_size=1, max_size=3), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=300)
def test_any_value_anywhere_loads_or_is_explained(values: list[object], chance) -> None:
    tree = yaml.safe_load(BASE)
    for value in values:
        tree = replaced(tree, value, chance)
    loads_or_explains(yaml.safe_dump(tree, sort_keys=False))


@given(st.integers(0, len(BASE)), st.integers(0, 30), st.text(max_size=10))
@settings(deadline=None, max_examples=200)
def test_any_slip_of_the_pen_loads_or_is_explained(at: int, gone: int, typed: str) -> None:
    text = BASE[:at] + typed + BASE[at + gone :]
    loads_or_explains(text.encode("utf-8", "surrogatepass"))
