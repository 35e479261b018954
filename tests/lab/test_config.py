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
QUICK = "profiles.quick"
LONG = "experiments.idle.load.long"
IDLE = "claims.idle-epoll"


def lines(text: str | bytes) -> list[str]:
    """Return what is said about a lab.yaml; none: it loads."""
    try:
        parse(text.encode() if isinstance(text, str) else text)
    except ConfigErrors as errors:
        assert str(errors) == "\n".join(errors.problems)
        return errors.problems
    return []


# what is wrong, text in BASE, what stands there instead, the lines without "lab.yaml:"
UNITS = [
    (
        "a rate without a unit",
        "1000/s",
        "500",
        [f'11:36: {LONG}.rate: "500" has no unit. Write 500/s.'],
    ),
    (
        "a rate in a foreign unit",
        "1000/s",
        "500 rps",
        [f'11:36: {LONG}.rate: "500 rps" is not a rate. Write 500/s.'],
    ),
    (
        "a time without a unit",
        "0.25 s",
        "0.25",
        [f'4:33: {QUICK}.warm-up: "0.25" has no unit. Write 0.25 s.'],
    ),
    (
        "no time at all",
        "0.5 s",
        "0 s",
        [f'4:49: {QUICK}.window: "0 s" must be more than 0.'],
    ),
    (
        "a negative time",
        "0.25 s",
        "-1 s",
        [f'4:33: {QUICK}.warm-up: "-1 s" is not a time. Write 0.5 s, 2 ms or 400 us.'],
    ),
    (
        "a size without a unit",
        "64 B",
        "64",
        ['2:37: defaults.payload: "64" has no unit. Write 64 B.'],
    ),
    (
        "half a byte",
        "64 B",
        "0.5 B",
        ['2:37: defaults.payload: "0.5 B" is not a whole number of bytes, 1 or more.'],
    ),
    (
        "a rate of nothing",
        "1000/s",
        "0/s",
        [f"11:13: {LONG}: a rate of 0/s asks nothing. Write 1/s or more."],
    ),
]
KEYS = [
    (
        "a misspelt key is not missing as well",
        "question: What does a",
        "qestion: What does a",
        ['8:5: experiments.idle.qestion: unknown key "qestion". Did you mean question?'],
    ),
    (
        "a misspelt key at the top",
        "version: 1",
        "verson: 1",
        ['1:1: verson: unknown key "verson". Did you mean version?'],
    ),
    (
        "a key deep down",
        "workers: 1",
        "worker: 1",
        ['19:57: experiments.one.arms.thread.worker: unknown key "worker". Did you mean workers?'],
    ),
    (
        "a key of Python's spelling",
        "warm-up: 0.25 s",
        "warm_up: 0.25 s",
        [f'4:24: {QUICK}.warm_up: unknown key "warm_up". Did you mean warm-up?'],
    ),
    (
        "a key of another kind of claim",
        "at-least: 1.30",
        "at-least: 1.30\n    below: 1.10",
        [f'31:5: {IDLE}.below: unknown key "below". It belongs to kind: below.'],
    ),
    (
        "a key twice",
        "    sentence: epoll is flat.\n",
        "    sentence: epoll is flat.\n    sentence: again\n",
        ['36:5: claims.flat: "sentence" stands here twice, first in line 35. Remove one.'],
    ),
    (
        "an id of its own",
        "    kind: growth\n",
        "    kind: growth\n    id: x\n",
        ['35:5: claims.flat.id: unknown key "id". The name is the id.'],
    ),
    (
        "a name that cannot be a file name",
        "  flat:",
        "  Flat claim:",
        [
            (
                '33:3: claims.Flat claim: "Flat claim" cannot be a name. '
                "Write lower-case letters, digits and -, at most 40."
            )
        ],
    ),
    (
        "no reason for a least effect",
        "    because: less is not worth it\n",
        "",
        [
            (
                f'23:3: {IDLE}: "because" is missing. Write because: and one line on why this much, '
                "or this long, matters."
            )
        ],
    ),
    (
        "an expectation without a source",
        "    growth: constant\n",
        "    growth: constant\n    expected: {verdict: supported}\n",
        [
            (
                '41:5: claims.flat.expected: "source" is missing. '
                "Write source: and where that is published."
            )
        ],
    ),
    (
        "a key without a value",
        "sentence: epoll is flat.",
        "sentence:",
        ["35:5: claims.flat.sentence: has no value. Write one."],
    ),
    (
        "a section too few",
        BASE[BASE.index("claims:") :],
        "",
        ['1:1: "claims" is missing. Write claims: and one entry at least.'],
    ),
]
TYPES = [
    (
        "a number for text",
        "sentence: epoll is flat.",
        "sentence: 8.10",
        ['35:15: claims.flat.sentence: 8.10 is not text. Write it in quotes: "8.10".'],
    ),
    (
        "text for a number",
        "at: {idle: 900}",
        'at: {idle: "900"}',
        [
            (
                f'29:16: {IDLE}.at.idle: "900" is not a whole number. '
                "Write one such as 12, without quotes."
            )
        ],
    ),
    (
        "a word for a list",
        "profiles: [full]",
        "profiles: full",
        ['46:15: claims.wall.profiles: "full" is not a list. Write [full].'],
    ),
    (
        "a word for a mapping",
        "{idle: {full: [0, 20, 450, 900, 4000]}}",
        "4000",
        [
            (
                '16:14: experiments.idle.factors-for.epoll: "4000" is not a mapping. '
                "Write keys and values."
            )
        ],
    ),
    (
        "an empty list",
        "looks: [12]",
        "looks: []",
        [f"4:18: {QUICK}.looks: is empty. Write something."],
    ),
    (
        "looks that shrink",
        "looks: [12]",
        "looks: [12, 6]",
        [f"4:10: {QUICK}: looks must grow from one to the next. Write [12, 18, 24, 30]."],
    ),
    (
        "a least effect of nothing",
        "at-least: 1.30",
        "at-least: 1.0",
        [f'30:15: {IDLE}.at-least: "1.0" must be more than 1.'],
    ),
    (
        "an unknown version",
        "version: 1",
        "version: 2",
        ['1:10: version: "2" is not known here. Write 1.'],
    ),
    (
        "a gate that nothing can pass",
        "    growth: constant\n",
        "    growth: constant\n    gate: inconclusive\n",
        [
            (
                '41:11: claims.flat.gate: "inconclusive" is not known here. '
                "Write one of supported, refuted."
            )
        ],
    ),
    (
        "open and closed at once",
        "rate: 1000/s",
        "rate: 1000/s, think: 1 ms",
        [
            (
                f"11:13: {LONG}: has both rate and think. "
                "Write one: rate: 1000/s (open) or think: 0 s (closed)."
            )
        ],
    ),
    (
        "neither open nor closed",
        ", rate: 1000/s",
        "",
        [
            (
                f"11:13: {LONG}: has neither rate nor think. "
                "Write one: rate: 1000/s (open) or think: 0 s (closed)."
            )
        ],
    ),
    (
        "no connections",
        "connections: $idle",
        "connections: 0",
        [
            (
                '12:27: experiments.idle.load.idle.connections: "0" is not a number of connections. '
                "Write 4, or $factor."
            )
        ],
    ),
]
NAMES = [
    (
        "a server: claims on its arms are not judged on top",
        "[select, poll, epoll]",
        "[selct, poll, epoll]",
        ['9:12: experiments.idle.arms[0]: "selct" is not a server. Did you mean select?'],
    ),
    (
        "a protocol",
        "protocol: echo",
        "protocol: ecko",
        ['2:22: defaults.protocol: "ecko" is not a protocol. Did you mean echo?'],
    ),
    (
        "a kind: the rest of the claim is checked as the kind meant",
        "kind: compare\n    sentence: epoll beats select.\n",
        "kind: comapre\n",
        [
            (
                f'23:3: {IDLE}: "sentence" is missing. '
                "Write sentence: and the words that can be false."
            ),
            f'24:11: {IDLE}.kind: "comapre" is not a kind of claim. Did you mean compare?',
        ],
    ),
    (
        "a metric",
        "metric: cpu\n    ratio",
        "metric: cpus\n    ratio",
        [f'27:13: {IDLE}.metric: "cpus" is not known here. Did you mean cpu?'],
    ),
    (
        "an experiment",
        "experiment: idle\n    metric: cpu\n    ratio",
        "experiment: idel\n    metric: cpu\n    ratio",
        [f'26:17: {IDLE}.experiment: "idel" is not an experiment. Did you mean idle?'],
    ),
    (
        "an arm",
        "select / epoll",
        "select / epol",
        [f'28:12: {IDLE}.ratio: "epol" is not an arm of idle. Did you mean epoll?'],
    ),
    (
        "not a ratio",
        "select / epoll",
        "select",
        [f'28:12: {IDLE}.ratio: "select" is not a ratio of two arms. Write select / epoll.'],
    ),
    (
        "a profile",
        "profiles: [full]",
        "profiles: [ful]",
        ['46:16: claims.wall.profiles[0]: "ful" is not a profile. Did you mean full?'],
    ),
    (
        "a probe",
        "probe: select-1024",
        "probe: select-1025",
        ['45:12: claims.wall.probe: "select-1025" is not a probe. Did you mean select-1024?'],
    ),
    (
        "a factor in a load, and one that nothing uses",
        "connections: $idle",
        "connections: $idel",
        [
            (
                '12:27: experiments.idle.load.idle.connections: "idel" is not a factor. '
                "Did you mean idle?"
            ),
            (
                "14:7: experiments.idle.factors.idle: no load uses it. "
                "Write connections: $idle, or leave the factor out."
            ),
        ],
    ),
    (
        "the factor of a ladder",
        "over: idle",
        "over: ilde",
        ['39:11: claims.flat.over: "ilde" is not a factor of idle. Did you mean idle?'],
    ),
    (
        "the factor of a cell",
        "at: {idle: 900}",
        "at: {idel: 900}",
        [f'29:10: {IDLE}.at.idel: "idel" is not a factor to fix here. Did you mean idle?'],
    ),
    (
        "a claim named like an experiment",
        "  flat:",
        "  one:",
        [
            (
                "33:3: claims.one: an experiment has this name too, so nobody could select one of "
                "them. Rename one."
            )
        ],
    ),
    (
        "one arm twice",
        "[select, poll, epoll]",
        "[epoll, epoll]",
        [
            (
                '9:11: experiments.idle.arms: "epoll" stands here twice. '
                "For a twin write {epoll: epoll, twin: epoll}."
            )
        ],
    ),
    (
        "an arm against itself",
        "select / epoll",
        "epoll / epoll",
        [
            (
                f"28:12: {IDLE}.ratio: epoll is compared with itself. "
                "For A/A give the experiment arms: {epoll: epoll, twin: epoll}."
            )
        ],
    ),
]
LEVELS = [
    (
        "more descriptors than select takes",
        "full: [0, 20, 450, 900]}",
        "full: [0, 20, 900, 2000]}",
        [
            (
                "14:55: experiments.idle.factors.idle.full[3]: select cannot hold 2004 connections: "
                "descriptors below 1024, some of them its own. Stay below 1000 in all."
            )
        ],
    ),
    (
        "two clients for a server that serves one",
        "connections: 1, think",
        "connections: 2, think",
        [
            (
                "21:13: experiments.one.load.long: blocking serves 1 at a time. Write 1 in all, "
                "not 2: the others would wait for ever."
            )
        ],
    ),
    (
        "more connections than ports",
        "900, 4000]",
        "900, 40000]",
        [
            (
                "16:46: experiments.idle.factors-for.epoll.idle.full[4]: 40004 connections need more "
                "ports than there are. Stay below 28000."
            )
        ],
    ),
    (
        "levels out of order",
        "full: [0, 20, 450, 900]}",
        "full: [0, 450, 20, 900]}",
        ["14:42: experiments.idle.factors.idle.full: levels must grow. Write [0, 20, 450, 900]."],
    ),
    (
        "a level that no arm has",
        "at: {idle: 900}",
        "at: {idle: 950}",
        [
            (
                f"29:16: {IDLE}.at.idle: no level 950 of idle for select and epoll in quick and full. "
                "Did you mean 900?"
            )
        ],
    ),
    (
        "a level that only one arm has",
        "at: {idle: 900}",
        "at: {idle: 4000}",
        [
            (
                f"29:16: {IDLE}.at.idle: no level 4000 of idle for select and epoll in quick and full. "
                "Write one of 0, 450, 900."
            )
        ],
    ),
    (
        "no level",
        "    at: {idle: 900}\n",
        "",
        [f"23:3: {IDLE}: no level of idle. Write at: {{idle: 900}}."],
    ),
    (
        "a cell twice",
        "at: {idle: 900}",
        "at: [{idle: 900}, {idle: 900}]",
        [f"29:23: {IDLE}.at[1]: this cell stands here twice. Remove one."],
    ),
    (
        "a ladder without a middle",
        "over: idle",
        "over: idle\n    from: 100",
        [
            (
                "39:11: claims.flat.over: epoll: 2 levels from 100 on in quick, a growth claim needs "
                "3. Add levels, or take quick out of profiles."
            )
        ],
    ),
    (
        "an experiment that a profile has not",
        "quick: [0, 450, 900], full",
        "full",
        [
            (
                f"32:16: {IDLE}.profiles[0]: idle has no levels in quick. "
                "Add some, or take quick out of profiles."
            ),
            (
                "41:16: claims.flat.profiles[0]: idle has no levels in quick. "
                "Add some, or take quick out of profiles."
            ),
        ],
    ),
    (
        "nobody asks",
        "connections: 4, rate",
        "connections: $idle, rate",
        [
            (
                "14:21: experiments.idle.factors.idle.quick[0]: nobody would ask anything. "
                "Write a level of 1 or more."
            ),
            (
                "14:42: experiments.idle.factors.idle.full[0]: nobody would ask anything. "
                "Write a level of 1 or more."
            ),
            (
                "16:29: experiments.idle.factors-for.epoll.idle.full[0]: nobody would ask anything. "
                "Write a level of 1 or more."
            ),
        ],
    ),
    (
        "throughput under an open load",
        "metric: cpu\n    ratio",
        "metric: throughput\n    ratio",
        [
            (
                f"27:13: {IDLE}.metric: throughput is what the rate says under an open load: it needs "
                "a closed one (think). Write metric: cpu, or mend the experiment's load."
            )
        ],
    ),
    (
        "a percentile of too few requests",
        "metric: cpu\n    ratio",
        "metric: p99\n    ratio",
        [
            (
                f"27:13: {IDLE}.metric: a window of quick has 500 requests, p99 needs 1000. "
                "Raise rate or window, or write metric: p50."
            )
        ],
    ),
    (
        "CPU of one class",
        "metric: cpu\n    ratio",
        "metric: cpu\n    class: long\n    ratio",
        [f"28:5: {IDLE}.class: cpu is of the whole server. Leave class out."],
    ),
]
YAML = [
    (
        "a tab",
        "  flat:",
        "\tflat:",
        ["33:1: a tab cannot stand here. Write spaces."],
    ),
    (
        "a colon too many",
        "sentence: epoll is flat.",
        "sentence: epoll: flat.",
        [
            (
                "35:20: not valid YAML: mapping values are not allowed here. "
                "Look at quotes, colons and indentation here."
            )
        ],
    ),
    (
        "an anchor",
        "  flat:",
        "  flat: &flat",
        ["33:9: anchors and aliases (& and *) are not used here. Write the value out."],
    ),
    (
        "a tag",
        "defaults: {",
        "defaults: !mine {",
        ['2:11: defaults: the tag "!mine" is not used here. Leave it out.'],
    ),
    (
        "a number of another base",
        "seed: 1",
        "seed: 0x10",
        ['2:49: defaults.seed: "0x10" is not a plain decimal number. Write digits, or quotes.'],
    ),
    (
        "a second document",
        "claims:\n",
        "---\nclaims:\n",
        ["22:1: a second document starts here. Keep one, without ---."],
    ),
]
CASES = [*UNITS, *KEYS, *TYPES, *NAMES, *LEVELS, *YAML]


@pytest.mark.parametrize(
    ("old", "new", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_mistake_is_told_with_its_place(old: str, new: str, expected: list[str]) -> None:
    assert BASE.count(old) >= 1
    assert lines(BASE.replace(old, new, 1)) == ["lab.yaml:" + line for line in expected]


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
    assert lines(raw)[0] == expected


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


def test_the_class_of_a_response_time_is_filled_in_where_there_is_one() -> None:
    claim = parse(BASE.replace("metric: cpu\n    ratio", "metric: p50\n    ratio").encode()).claims
    assert getattr(claim["idle-epoll"], "connection_class", None) == "long"
    two = BASE.replace(
        "      idle: {conn", "      short: {connections: 8, rate: 9/s}\n      idle: {conn"
    )
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
            '5:43: experiments.more.load.long.rate: "100" has no unit. Write 100/s.',
        ),
        (
            PART.replace("more:", "one:"),
            "2:3: experiments.one: stands here again, first in LAB:18:3. Rename or remove one.",
        ),
        (
            "version: 1\n",
            (
                '1:1: version: "version" cannot stand in an included file. '
                "Write one of experiments, claims."
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
    expected = expected.replace("LAB:18", f"{path}:19")
    (found,) = caught.value.problems
    assert found.startswith(f"{tmp_path / 'more' / 'part.yaml'}:{expected}")


@pytest.mark.parametrize("pattern", ["nothing/*.yaml", '"\\0"', "..", "'[', /nothing"])
def test_an_include_that_matches_nothing(tmp_path: Path, pattern: str) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(f"include: [{pattern}]\n{BASE}", encoding="utf-8")
    with pytest.raises(ConfigErrors, match="matches no file beside lab.yaml"):
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
