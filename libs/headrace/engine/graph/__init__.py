"""The graph document: loading and checking. See the README for the fields, and `load.load_graph` for the way
through.
"""

from headrace.engine.graph.load import load_graph
from headrace.engine.graph.model import Graph, Node, ResourceUse
from headrace.engine.graph.problems import InvalidDefinition, Problem

__all__ = ["Graph", "InvalidDefinition", "Node", "Problem", "ResourceUse", "load_graph"]
