"""Nondeterministic LR parsing: tables for any context-free grammar, with all conflicts kept."""

from __future__ import annotations

from .grammar import Rule
from .nondeterministic import NondeterministicTables, nondeterministic_tables

__all__ = ["NondeterministicTables", "Rule", "nondeterministic_tables"]
