"""Decisions, one file per kind of input; `registry` lists them. Each yields events, and the state evolves between
them.
"""
