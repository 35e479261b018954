"""How long a connection of a closed workload pauses between a reply and its next request."""

from collections.abc import Iterator, Sequence

from loadtests.engine.arrivals import thinks


class Think:
    """The same pause each time; `mean` ns."""

    def __init__(self, mean: int) -> None:
        self.mean = mean

    def meet(self, links: Sequence[object]) -> None:
        """Learn of all links, in the order of their numbers, before any of them pauses."""

    def first(self, link: object, place: int, of: int) -> int:
        """Before its first request, `place` of `of` that begin in one instant.

        They are spread over the think time, or they would stay in step.
        """
        del link
        return self.mean * place // of

    def pause(self, link: object) -> int:
        """Before its next request."""
        del link
        return self.mean


class Exponential(Think):
    """Drawn in advance for each connection, so that it does not depend on when replies come.

    No pause remembers how long it has lasted: who begins after a draw begins as in the middle of
    the load. numbered: number of an engine's first link in the whole trial, and from one to the
    next.
    """

    def __init__(self, mean: int, seed: str, numbered: tuple[int, int]) -> None:
        super().__init__(mean)
        self.seed = seed
        self.numbered = numbered
        self._draws: dict[object, Iterator[int]] = {}

    def meet(self, links: Sequence[object]) -> None:
        first, step = self.numbered
        self._draws = {
            link: thinks(self.mean, f"{self.seed}/{first + place * step}")
            for place, link in enumerate(links)
        }

    def first(self, link: object, place: int, of: int) -> int:
        del place, of
        return self.pause(link)

    def pause(self, link: object) -> int:
        return next(self._draws[link])
