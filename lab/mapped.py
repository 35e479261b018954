"""What an experiment is drawn as: a map of two of its factors, who wins where. Shape only."""

from typing import Annotated

from pydantic import Field

from lab.metrics import MetricName
from lab.shape import Shape, Text


class MapOf(Shape):
    """x, y: factors of the experiment, all that it has. margin: the least ratio that matters."""

    x: Text
    y: Text
    metric: MetricName = "cpu"
    margin: Annotated[float, Field(gt=1, le=100)] = 1.10
