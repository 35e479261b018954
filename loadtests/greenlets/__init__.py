"""Plain Locust users in the lab: a greenlet for each connection, the way Locust's own book shows.

For comparison with the load engine, and for people who come from Locust. It is a process of its own
(`__main__`), with Locust as a library, that speaks the load engine's language on its pipes:

line       one connection, in blocking style over gevent's sockets
users      the classes long, short and idle
crew       what the users of one class have in common: orders, counts, census
orders     what they are told
locustfile somebody's own users, unmodified
books      events.request becomes counts; also by the names that Locust users give
drive      one trial, from the first user to the result

A greenlet for each user costs 4 to 70 times the CPU of the load engine, and is woken for fewer
events at a time, which costs the *server* more: do not compare I/O models with it.
"""
