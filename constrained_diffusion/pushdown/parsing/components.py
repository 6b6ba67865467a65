"""Strongly connected components of a directed graph."""

from __future__ import annotations

from collections.abc import Sequence


def strongly_connected_components(successors: Sequence[Sequence[int]]) -> list[list[int]]:
    """The components of a graph, each after all other components that it leads to.

    Tarjan, "Depth-first search and linear graph algorithms" (1972), without recursion.

    Args:
        successors: for each node the nodes that its edges lead to.
    """
    count = len(successors)
    closed = count + 1
    order = [0] * count
    low = [0] * count
    visited = 0
    unassigned: list[int] = []
    components: list[list[int]] = []
    for root in range(count):
        if order[root]:
            continue
        visited += 1
        order[root] = low[root] = visited
        unassigned.append(root)
        path = [(root, iter(successors[root]))]
        while path:
            node, edges = path[-1]
            for target in edges:
                if not order[target]:
                    visited += 1
                    order[target] = low[target] = visited
                    unassigned.append(target)
                    path.append((target, iter(successors[target])))
                    break
                low[node] = min(low[node], low[target])
            else:
                path.pop()
                if path:
                    parent = path[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == order[node]:
                    component: list[int] = []
                    while not component or component[-1] != node:
                        component.append(unassigned.pop())
                        low[component[-1]] = closed
                    components.append(component)
    return components
