"""The chart of a claim block by block: which blocks the verdict rests on."""

from lab.report import html
from lab.report.claim_figures import blocks
from tests.lab import sample_results as sample


def drawn(used):
    return sample.supported().model_copy(update={"blocks_used": used})


def points(spec):
    """The layers of points, as (filled, blocks)."""
    return [
        (layer["mark"]["filled"], [datum["block"] for datum in layer["data"]["values"]])
        for layer in spec["layer"]
        if layer["mark"]["type"] == "point"
    ]


def test_what_was_measured_after_the_verdict_is_hollow():
    """Twelve blocks, of which eight decided: the others ran on for other claims."""
    first, later = list(range(1, 9)), list(range(9, 13))
    assert points(blocks(drawn(used=8))) == [(True, first), (False, later)]


def test_where_all_blocks_decided_none_is_hollow():
    assert points(blocks(drawn(used=12))) == [(True, list(range(1, 13)))]


def test_the_words_say_on_how_many_blocks_the_verdict_rests():
    told = "The verdict rests on the first 8 blocks"
    for used, there in ((8, True), (12, False)):
        page = html.render(sample.full().model_copy(update={"verdicts": [drawn(used)]}))
        assert (told in page) is there
