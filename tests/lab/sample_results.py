"""Made-up results for the tests of the report: every outcome, every awkward text.

The values are smooth formulas on purpose, so that nobody takes them for a measurement.
"""

import re

from lab.report.model import (
    Boundary,
    CellSummary,
    Chapter,
    CrossoverLine,
    Estimate,
    Figure,
    GateTally,
    Ladder,
    Listed,
    MapCell,
    Mechanism,
    Percentile,
    Point,
    Replication,
    Results,
    RunInfo,
    Series,
    ShapeLine,
    Spread,
    Verdict,
    WinnerMap,
)

IDLE = (0, 100, 400, 900, 4000)
HOSTILE = "<script>alert(1)</script>"


def around(value: float, half: float = 0.06) -> Estimate:
    return Estimate(value=value, low=value * (1 - half), high=value * (1 + half))


def cost(arm: str, idle: int) -> float:
    return {
        "select": 40 + idle * 0.11,
        "poll": 38 + idle * 0.06,
        "epoll-level": 34 + idle * 0.0004,
    }[arm]


def levels(arm: str) -> list[int]:
    return [level for level in IDLE if arm != "select" or level < 1000]


def ladders() -> list[Ladder]:
    said = {"select": "linear", "poll": "linear", "epoll-level": "constant"}
    return [
        Ladder(
            experiment="idle",
            factor="idle",
            arm=arm,
            metric="cpu",
            unit="us",
            points=[Point(level=x, y=around(cost(arm, x)), blocks=12) for x in levels(arm)],
            verdict=verdict,
        )
        for arm, verdict in said.items()
    ]


def ratio_points() -> list[Point]:
    return [
        Point(level=x, y=around(cost("select", x) / cost("epoll-level", x), 0.08), blocks=12)
        for x in levels("select")
    ]


def crossovers() -> list[CrossoverLine]:
    line = CrossoverLine(
        claim="idle-crossover",
        experiment="idle",
        factor="idle",
        ratio="select / epoll-level",
        threshold=1.3,
        points=ratio_points(),
        at=Estimate(value=37.0, low=12.0, high=71.0),
        state="found",
        why="The ratio passes 1.30 once, between 0 and 100 idle connections.",
    )
    flat = [
        Point(level=x, y=Estimate(value=1.02, low=0.97, high=None), blocks=5) for x in (1, 4, 16)
    ]
    never = line.model_copy(
        update={
            "claim": "active-crossover",
            "factor": "active",
            "points": flat,
            "at": None,
            "state": "none-in-range",
            "why": "The ratio stays below 1.30 at every level that was measured.",
        }
    )
    return [line, never]


def percentiles(scale: float) -> list[Percentile]:
    rows = [
        ("response", 50, 410_000, 24_000),
        ("response", 90, 720_000, 24_000),
        ("response", 99, 2_600_000, 24_000),
        ("service", 50, 330_000, 24_000),
        ("service", 90, 560_000, 24_000),
        ("service", 99, 1_700_000, 24_000),
        ("lag", 50, 21_000, 24_000),
        ("lag", 99, 96_000, 24_000),
    ]
    return [
        Percentile(
            connection_class="long",
            kind=kind,
            percent=percent,
            trials=12,
            samples=samples,
            resolution_ns=2 ** max(0, int(ns * scale).bit_length() - 11),
            ns=around(ns * scale),
        )
        for kind, percent, ns, samples in rows
    ]


def cell(arm: str, idle: int) -> CellSummary:
    cpu = cost(arm, idle)
    return CellSummary(
        id=f"idle/{arm}/idle={idle}",
        experiment="idle",
        arm=arm,
        server=arm,
        factors={"idle": idle},
        load=f"4 long, open 1,000/s; {idle:,} idle" if idle else "4 long, open 1,000/s",
        planned=12,
        usable=11 if idle == 900 else 12,
        attempts=15 if idle == 900 else 12,
        voids={"host-noise": 3, "schedule-lag": 1} if idle == 900 else {},
        metrics=[
            Spread(metric="cpu", unit="us", trials=12, estimate=around(cpu)),
            Spread(metric="throughput", unit="1/s", trials=12, estimate=around(1000, 0.001)),
            Spread(metric="pss", unit="B", trials=12, estimate=around(21e6 + idle * 900)),
        ],
        latency=percentiles(cpu / 40),
        mechanism={
            "engine utilisation": 0.31,
            "events per wait": 1.04,
            "switches per request": 2.1,
        },
    )


def verdict(**fields) -> Verdict:
    base = {
        "notes": "8.2.5",
        "section": "8.2.5",
        "experiment": "idle",
        "kind": "compare",
        "metric": "server CPU time per completed request",
        "blocks_used": 12,
        "blocks_planned": 12,
        "looks": 1,
    }
    made = base | fields
    number = re.search(r"(?:at least|below) ([0-9.]+)$", made.get("sense", ""))
    if number:
        made |= {"scale": "ratio", "minimum": float(number[1])}
    return Verdict(**made)


def blocks(name: str, centre: float, half: float) -> Series:
    """Twelve ratios that swing evenly about a centre."""
    swing = [half * (step - 5.5) / 8 for step in (3, 8, 1, 10, 5, 6, 0, 11, 4, 7, 2, 9)]
    return Series(
        name=name,
        scale="ratio",
        blocks=list(range(1, 13)),
        values=[round(centre * (1 + step), 6) for step in swing],
        estimate=around(centre, half),
    )


def supported() -> Verdict:
    return verdict(
        claim="idle-epoll",
        sentence="With many connections of which few are active, epoll beats select.",
        notes="连接活跃度不高,epoll比select好",
        outcome="supported",
        reason="The whole interval lies above 1.30.",
        effect=Estimate(value=4.05, low=3.81, high=4.31),
        effect_words="select uses 4.05 x the CPU of epoll-level per request "
        "(98.75 % interval 3.81-4.31, 12 blocks)",
        sense="select/epoll-level at least 1.3",
        because="less would not make anyone rewrite a server",
        cells=["idle/select/idle=900", "idle/epoll-level/idle=900"],
        won=1.0,
        p=0.000244,
        p_adjusted=0.00195,
        voids={"host-noise": 3},
        void_reasons={"host-noise": "idle/select/idle=900: the hypervisor stole 31% of the window"},
        load="4 long, open 1000/s constant, 64 B; 900 idle",
        arms=["select", "epoll-level"],
        place="idle 900",
        series=[blocks("idle/select/idle=900 : idle/epoll-level/idle=900", 4.05, 0.06)],
        expected="supported",
        source="Gammo et al., OLS 2004; ev(3)",
        caveat="Loopback bills part of the server's receive work to the load engine, "
        "which dilutes ratios.",
        gate="supported",
    )


def refuted() -> Verdict:
    return verdict(
        claim="active-select",
        sentence="With few, very active long connections (WebSocket, games), select beats epoll.",
        notes="同时连接很活跃,select比epoll好",
        experiment="active",
        outcome="refuted",
        reason="The whole interval lies between 1/1.10 and 1.10: too small to matter.",
        effect=Estimate(value=0.97, low=0.93, high=1.02),
        effect_words="epoll-level uses 0.97 x the CPU of select per request "
        "(98.75 % interval 0.93-1.02, 18 blocks)",
        sense="epoll-level/select at least 1.1",
        because="smallest saving worth a code change",
        arms=["epoll-level", "select"],
        place="connections 16",
        cells=["active/epoll-level/connections=16", "active/select/connections=16"],
        series=[
            blocks("active/epoll-level/connections=16 : active/select/connections=16", 0.97, 0.045)
        ],
        blocks_used=17,
        blocks_planned=18,
        dropped_blocks=1,
        looks=2,
        won=0.35,
        p=0.0004,
        p_adjusted=0.0016,
        expected="supported",
        source="libev, ev(3): epoll slightly slower for few descriptors",
        surprise=True,
        gate="supported",
        warnings=[
            "Consecutive blocks are correlated (lag-1 0.61): the interval may be too narrow."
        ],
    )


def inconclusive() -> Verdict:
    return verdict(
        claim="few-mux-cpu",
        sentence="With few connections a select or epoll server is not necessarily better than "
        "many threads with blocking I/O, and the sentence goes on for long enough to wrap over "
        "several lines of a terminal and of a telephone, as sentences of lecture notes like to do.",
        notes="如果处理的连接数不是很高的话,使用select/epoll的web server不一定比"
        "使用多线程加阻塞IO的web server性能更好",
        section="8.2.3",
        experiment="few",
        outcome="inconclusive",
        reason="The interval reaches over 1.10; about 31 blocks would decide.",
        effect=Estimate(value=1.06, low=0.98, high=1.15),
        effect_words="threads use 1.06 x the CPU of epoll-level per request "
        "(98.75 % interval 0.98-1.15, 12 blocks)",
        sense="threads/epoll-level below 1.1",
        because="smallest saving worth a code change",
        won=0.58,
        p=0.21,
        p_adjusted=0.42,
        needed_blocks=31,
        conditional=True,
        post_hoc=True,
        warnings=["Opposite answers at N = 1 and N = 4."],
    )


def table() -> Replication:
    """A wide table beside a wider one, and two statements on it."""
    columns = ["10", "100", "1000", "10000", "100000"]
    return Replication(
        verdict="not reproduced",
        source="a table in a book",
        published_unit="seconds for 100 000 waits",
        unit="us per wait",
        columns=columns,
        published={"select": [0.7, 3.0, 35.0, 930.0, None]},
        measured={"select": [3.4, 9.4, 161.0, 4985.0, 51000.0], "epoll": [0.9] * 5},
        repeats=3,
        lines=[
            ShapeLine(
                words="select from 10 to 10000: at least 300",
                state="holds",
                found=around(1441.0),
                low=300.0,
                high=None,
            ),
            ShapeLine(
                words="select and epoll within x3 at 10",
                state="fails",
                found=around(3.77, 0.01),
                low=0.333,
                high=3.0,
            ),
        ],
    )


def others() -> list[Verdict]:
    return [
        verdict(
            claim="short-epoll",
            sentence="Websites that answer and hang up: epoll is better.",
            notes="网站http的请求,连了就断掉",
            experiment="short",
            outcome="void",
            reason=f"4 of 12 blocks lost to the gate ports; the server said {HOSTILE} & 'bye'.",
            effect=Estimate(value=1.2, low=None, high=None),
            sense="select/epoll-level at least 1.1",
            because="smallest saving worth a code change",
            blocks_used=5,
            dropped_blocks=4,
            voids={"ports": 8, "host-noise": 1},
        ),
        verdict(
            claim="select-linear",
            sentence="Efficiency falls linearly with the number of watched descriptors.",
            notes="其效率也会线性下降",
            kind="growth",
            outcome="supported",
            reason="The cost grows, and its course is straight within 0.15.",
            effect=Estimate(value=3.5, low=3.3, high=None),
            effect_words="select costs 3.5 x as much at 900 idle as at 0 (at least 3.3, 12 blocks)",
            scale="ratio",
            arms=["select"],
            place="idle 0, 100, 400, 900",
            ladders=ladders()[:1],
            sense="linear over idle",
            because="growth below 1.5 end to end is not worth the name",
            p=0.0002,
            p_adjusted=0.0019,
        ),
        verdict(
            claim="epoll-mmap",
            sentence="epoll uses mmap and so avoids copying.",
            notes="这里也使用了内存映射(mmap)技术",
            section="8.2.3",
            experiment="",
            sense="probe epoll_mmap, three of three",
            kind="limit",
            outcome="refuted",
            reason="Three of three attempts to map an epoll descriptor failed with ENODEV.",
            metric="",
            blocks_used=3,
            blocks_planned=3,
            looks=0,
            expected="refuted",
            source="kernel, fs/eventpoll.c has no mmap operation",
            evidence={
                "mmap(epoll_fd)": "ENODEV, 3 of 3",
                "control: mmap(ring_fd)": "mapped, 3 of 3",
            },
        ),
        verdict(
            claim="replicate/table",
            sentence="A wait costs select the more the more are watched, and epoll the same.",
            notes="其效率也会线性下降",
            kind="replication",
            experiment="",
            sense="2 statements on the shape of a table",
            outcome="refuted",
            reason="1 of 2 statements on the table hold.",
            metric="",
            looks=0,
            expected="supported",
            source="a table in a book",
            surprise=True,
            replication=table(),
        ),
        verdict(
            claim="aio-not-faster",
            sentence="Asynchronous I/O is not much faster than multiplexing.",
            notes="并没有比io多路复用性能提升很多",
            section="8.2.4",
            experiment="aio",
            outcome="skipped",
            reason="io_uring is not available: io_uring_setup gave EPERM.",
            blocks_used=0,
            looks=0,
            sense="epoll-level/io-uring below 1.25",
            because="least anyone calls much",
            gate="supported",
        ),
    ]


def mechanism() -> list[Mechanism]:
    """What the two arms of the surprise asked of the kernel."""
    return [
        Mechanism(
            cell=f"active/{arm}/connections=16",
            experiment="active",
            arm=arm,
            server=arm,
            factors={"connections": 16},
            load="16 long, closed",
            runs=3,
            requests=6000,
            figures={
                "calls": Figure(median=calls, low=calls, high=calls + 0.1),
                "waits": Figure(median=waits, low=waits, high=waits),
            },
            calls={"recvfrom": 1.0, "sendto": 1.0, call: waits},
            waits_in=[call],
            agree=True,
        )
        for arm, call, calls, waits in (
            ("epoll-level", "epoll_wait", 2.25, 0.25),
            ("select", "pselect6", 2.5, 0.5),
        )
    ]


def winners() -> WinnerMap:
    """Four cells: one that is won, one alike, one unsure; and where two change places."""

    def price(arm, idle):
        return cost(arm, idle) * (1.5 if arm == "epoll-level" else 1.0)

    won = {(0, 1): "select", (0, 8): "select", (400, 1): "epoll-level", (400, 8): "epoll-level"}
    cells = [
        MapCell(
            x=x,
            y=y,
            cheapest=arm,
            like=["poll"] if (x, y) == (0, 1) else [],
            unsure=["poll"] if (x, y) == (0, 8) else [],
            costs={name: around(price(name, x)) for name in ("select", "poll", "epoll-level")},
            ratios={
                name: around(price(name, x) / price(arm, x))
                for name in ("select", "poll", "epoll-level")
                if name != arm
            },
            blocks=8,
        )
        for (x, y), arm in sorted(won.items(), key=lambda item: item[0][::-1])
    ]
    turn = Boundary(
        y=8,
        first="select",
        then="epoll-level",
        at=Estimate(value=31.0, low=22.0, high=44.0),
        state="found",
        why="The ratio passes the threshold near 31 (22 to 44, between the levels 0 and 400).",
        shown=True,
    )
    return WinnerMap(
        experiment="map",
        question="Which costs least?",
        x="idle",
        y="active",
        metric="cpu",
        unit="us",
        margin=1.1,
        arms=["select", "poll", "epoll-level"],
        load="8 long, open 1000/s; 400 idle",
        cells=cells,
        boundaries=[turn],
    )


def book() -> list[Chapter]:
    """Return the sections: all that was judged, and one claim that was not."""
    told = [supported(), refuted(), inconclusive(), *others()]
    titles = {"8.2.3": "八 8.2.3, multiplexing", "8.2.4": "八 8.2.4, asynchronous I/O"}
    titles |= {"8.2.5": "八 8.2.5, select, poll and epoll compared"}
    absent = Listed(
        id="twins",
        sentence="Of two identical servers, one costs more.",
        kind="compare",
        profiles=["full"],
    )
    found = [
        Chapter(
            key=key,
            title=title,
            claims=[
                Listed(id=one.claim, sentence=one.sentence, kind=one.kind, profiles=["quick"])
                for one in told
                if one.section == key
            ],
        )
        for key, title in titles.items()
    ]
    return [
        *found,
        Chapter(key="", title="Not in the notes, but they sharpen them", claims=[absent]),
    ]


def gates() -> list[GateTally]:
    return [
        GateTally(
            gate="generator-saturated",
            meaning="The load engine had no CPU to spare, so it measured itself.",
            remedy="Lower the rate or give the engine its own core.",
            threshold="CPU per core > 0.85",
            voided=0,
            warned=2,
        ),
        GateTally(
            gate="host-noise",
            meaning="Somebody else used the machine during the window.",
            remedy="Stop other work, then run again.",
            threshold="steal > 2 % or calibration spin > 1.25 x median",
            voided=12,
            warned=0,
        ),
        GateTally(
            gate="ports",
            meaning="TIME_WAIT held most of the port range.",
            remedy="Widen net.ipv4.ip_local_port_range or lower the rate of short connections.",
            threshold="> 80 % of the range",
            voided=8,
            warned=0,
        ),
    ]


def run(**fields) -> RunInfo:
    base = {
        "id": "2026-01-02T030405-quick-7",
        "profile": "quick",
        "seed": 7,
        "order": "hashed",
        "backend": "process",
        "started": "2026-01-02T03:04:05Z",
        "wall_s": 1834.5,
        "finished": True,
        "cells": 14,
        "trials_planned": 168,
        "trials_done": 167,
        "attempts": 188,
        "attempts_void": 21,
        "void_cells": ["short/select/idle=0"],
        "noise_share": 0.064,
        "overhead_s": 1.2,
        "spin_spread": 0.031,
        "requests": 1_234_567,
        "lab_sha256": "0123456789abcdef" * 4,
        "version": "0.0.0-sample",
    }
    return RunInfo(**(base | fields))


def full() -> Results:
    """Every outcome, ladders, crossovers, cells."""
    return Results(
        run=run(),
        machine={
            "CPU": "Made-up CPU 3000, 2 cores",
            "kernel": "Linux 0.0.0-sample",
            "Python": "3.11.0",
            "governor": "unknown",
        },
        verdicts=[supported(), refuted(), inconclusive(), *others()],
        ladders=ladders(),
        crossovers=crossovers(),
        cells=[
            cell(arm, idle) for arm in ("select", "poll", "epoll-level") for idle in levels(arm)
        ],
        gates=gates(),
        mechanism=mechanism(),
        book=book(),
        maps=[winners()],
    )


def empty() -> Results:
    """A run that was killed before anything was finished."""
    info = run(
        id="2026-01-02T030405-smoke-1",
        profile="smoke",
        wall_s=0.0,
        finished=False,
        trials_done=0,
        attempts=0,
        attempts_void=0,
        void_cells=[],
        noise_share=0.0,
        overhead_s=None,
        spin_spread=None,
        requests=0,
    )
    return Results(run=info, machine={}, verdicts=[], ladders=[], crossovers=[], cells=[], gates=[])
