"""Scoring: the arithmetic of incentives, pure, by numpy and openskill alone.

``shared`` holds what every task's scores go through, ``inference`` what an answer of a language
model is worth, ``training`` what a trainer sends and what all their messages become, and
``reference`` the chain's own arithmetic as a specification: slow, readable, and compared with the
runtime by tests. Numbers go in and numbers come out; there is no clock, socket, file or random
source here.
"""
