"""The command line without a load: words, exit codes, no traceback."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAB = ROOT / "lab.yaml"


def lab(*words, cwd=ROOT, **changes):
    return subprocess.run(
        [sys.executable, "-m", "lab", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=60,
        check=False,
        **changes,
    )


def test_help_is_quick_because_it_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from lab import cli\n"
        "heavy = {'pydantic', 'yaml', 'altair', 'locust', 'gevent', 'jinja2', 'rich.table'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"
    assert lab("--help").returncode == 0


@pytest.mark.parametrize("what", ["servers", "protocols", "experiments", "claims", "gates"])
def test_lists_as_text_and_as_json(what):
    rows = json.loads(lab("list", what, "--json").stdout)
    text = lab("list", what).stdout
    assert rows
    for row in rows:
        assert next(iter(row.values())) in text


def test_plan_is_the_same_bytes_for_the_same_seed():
    one, two = (lab("plan", "--json", "--seed", 7).stdout for _ in range(2))
    assert one == two
    assert json.loads(one)["seed"] == 7
    assert lab("plan", "--json", "--seed", 8).stdout != one


def test_reversed_is_the_reverse_inside_each_block():
    plans = [json.loads(lab("plan", "--json", "--order", o).stdout) for o in ("hashed", "reversed")]
    blocks = [
        [t["cell"] for t in p["trials"] if (t["experiment"], t["block"]) == ("idle-ladder", 3)]
        for p in plans
    ]
    assert blocks[0] == blocks[1][::-1]
    assert len(blocks[0]) > 2


def test_plan_says_how_long():
    text = lab("plan").stdout
    assert "in all" in text
    assert "idle-ladder/select/idle=900" in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("plan", "nonsense"), 2, 'lab: "nonsense" selects nothing.'),
        (("plan", "--profile", "quik"), 2, "Did you mean quick?"),
        (("plan", "--lab", "nowhere.yaml"), 2, "nowhere.yaml"),
        (("report", "nowhere"), 2, "lab: no run 'nowhere'."),
        (("run", "--workers", "0"), 2, "greater than or equal to 1"),
        (("frobnicate",), 2, "No such command"),
        (("list", "colours"), 2, "colours"),
    ],
)
def test_bad_words_get_one_clear_answer(words, code, said, tmp_path):
    more = ("--results", tmp_path) if words[0] in {"report", "run"} else ()
    done = lab(*words, *more)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_every_mistake_in_lab_yaml_at_once_and_nothing_starts(tmp_path):
    text = LAB.read_text(encoding="utf-8")
    wrong = text.replace("rate: 1000/s", "rate: 1000", 1).replace("rate: 2000/s", "rate: 2000", 1)
    wrong = wrong.replace("arms: [select, poll, epoll]", "arms: [select, pol, epoll]", 1)
    (tmp_path / "lab.yaml").write_text(wrong, encoding="utf-8")
    done = lab("run", cwd=tmp_path)
    lines = [line for line in done.stderr.splitlines() if "lab.yaml:" in line]
    assert done.returncode == 2
    assert len(lines) >= 2
    assert any("has no unit" in line for line in lines)
    assert any("Did you mean" in line for line in lines)
    assert not (tmp_path / "results").exists()


def test_doctor_names_facts_and_profiles():
    done = lab("doctor")
    assert done.returncode in {0, 5}
    for word in ("profile quick", "CPUs", "kernel", "left behind"):
        assert word in done.stdout or word == "CPUs"


def test_one_cpu_cannot_run_it(tmp_path):
    done = lab("run", "--profile", "smoke", "--results", tmp_path, preexec_fn=_one_cpu)
    assert done.returncode == 5
    assert "CPUs: 1. Two at least" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_too_few_descriptors_cannot_run_it(tmp_path):
    done = lab("run", "--profile", "smoke", "--results", tmp_path, preexec_fn=_few_descriptors)
    assert done.returncode == 5
    assert "open files of the server; 512 can be had here" in done.stderr


def _one_cpu():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))


def test_clean_has_nothing_to_do():
    assert lab("clean").returncode == 0
