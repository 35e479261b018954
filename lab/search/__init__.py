"""Searches: at which level of a load does an answer turn? Found by asking, with an interval.

axis        the levels that may be asked, and the axis they lie on
belief      where the turn probably is: chooses the levels, decides nothing
evidence    where it cannot be: decides, whatever was chosen and whenever it ends
threshold   the two together: what to ask next, what is known, when to end
shapes      `searches:` of lab.yaml
checks      what no single shape can see
template    a level becomes a cell, and cells become trials
outcomes    a record becomes an answer
analysis    the records of a run become results: repeatable
result      those results
walk        the trials are run: the only effects
words       results and plans as lines of text

The first four are pure and know nothing of servers. See docs/searches.md and decision 18.
"""
