"""Workflows written as graphs: the interpreter. See the README."""
