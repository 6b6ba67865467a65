"""Lark's LALR parser, which stops where a grammar has too many states.

A grammar of n symbols can have 2^n LR(0) states, for which Lark has no bound of its own.
"""

from __future__ import annotations

from typing import Any

from lark.parsers.lalr_analysis import LALR_Analyzer
from lark.parsers.lalr_parser import LALR_Parser, _Parser

from ...errors import LimitError

MAX_EXPANSIONS = 20_000
"""Nonterminals expanded for LR(0) states, all in all; programming languages need about 2,000."""


class _BoundedAnalyzer(LALR_Analyzer):
    _expansions = 0

    def expand_rule(self, *arguments: Any, **named: Any) -> Any:
        self._expansions += 1
        if self._expansions > MAX_EXPANSIONS:
            raise LimitError(
                "the LALR automaton of this grammar is too large (it grows exponentially with some "
                'grammars); use parser="earley", or let fewer rules begin with the same symbols'
            )
        return super().expand_rule(*arguments, **named)


class BoundedParser(LALR_Parser):
    """In the place of `lark.parsers.lalr_parser.LALR_Parser`, by Lark's option `_plugins`."""

    def __init__(self, parser_conf: Any, debug: bool = False, strict: bool = False) -> None:
        analysis: Any = _BoundedAnalyzer(parser_conf, debug=debug, strict=strict)
        analysis.compute_lalr()
        self._parse_table = analysis.parse_table
        self.parser_conf = parser_conf
        self.parser = _Parser(analysis.parse_table, parser_conf.callbacks, debug)
