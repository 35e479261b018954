"""2 x 2 tables, exactly.

The lab asks one question of them: do trials become void more often in one arm than in another?
"""

from math import comb


def fisher_exact(a: int, b: int, c: int, d: int) -> float:
    """Two-sided p of Fisher's exact test of the table [[a, b], [c, d]].

    The sum of the probabilities of all tables with these margins that are no more likely than
    the one seen. Counted in integers: "no more likely" needs no tolerance.
    Source: Agresti, Categorical Data Analysis, section 3.5.
    """
    if min(a, b, c, d) < 0:
        raise ValueError(f"A table of counts holds no negative number: {a}, {b}, {c}, {d}.")
    first_row, second_row, first_column = a + b, c + d, a + c
    ways = [
        comb(first_row, x) * comb(second_row, first_column - x)
        for x in range(max(0, first_column - second_row), min(first_row, first_column) + 1)
    ]
    seen = comb(first_row, a) * comb(second_row, c)
    return sum(way for way in ways if way <= seen) / sum(ways)
