"""Lark grammars: loading them, what is wrong with one, and why a text is refused."""
