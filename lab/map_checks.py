"""What the shape of a map cannot see: its factors must be the experiment's, and all of them."""

from lab.checks import known
from lab.document import Document, Where
from lab.schema import Experiment


def check_map(document: Document, experiment: Experiment) -> None:
    """Note what is wrong with the map of an experiment that has its shape."""
    asked = experiment.map
    if asked is None:
        return
    where: Where = ("experiments", experiment.id, "map")
    there = [
        known(document, (*where, axis), name, experiment.factors, "a factor of this experiment")
        for axis, name in (("x", asked.x), ("y", asked.y))
    ]
    if not all(there):
        return
    if asked.x == asked.y:
        text = f'"{asked.y}" is x already. Name another factor.'
        document.complain((*where, "y"), text)
    more = [name for name in experiment.factors if name not in (asked.x, asked.y)]
    if more and asked.x != asked.y:
        text = f"a map shows two factors; {', '.join(more)} would have no place. Leave it out."
        document.complain(where, text)
    if len(experiment.arms) < 2:
        document.complain(where, "there is one arm, which wins everywhere. Add another.")
