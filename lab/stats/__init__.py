"""The lab's statistics: pure functions, standard library only.

values        what may be counted: checks, log ratios, the Estimate triple
signed_rank   median of paired log ratios: exact interval, exact p, no normal approximation
growth        how a metric grows over levels: constant, linear, sublinear, superlinear
crossover     the level from which one arm wins, by test inversion
drift         has a window reached its steady state?
multiplicity  many claims at once: Benjamini-Hochberg, Holm
tables        2 x 2 tables: Fisher's exact test

Not here: thresholds of a claim and what follows from them (lab.verdicts).
"""
