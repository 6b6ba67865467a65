"""Tables and memory as the kernels get them: by one pointer instead of some hundred values.

A kernel compiled for a named tuple of sixty arrays carries every field of every array through every
call, which makes compiling six times as slow. The structs hold the very same arrays, under the same
names.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.experimental import structref

from .memory import Memory, VocabularyText
from .tables import LexerTables, ParserTables, PartTables, Tables


class _StructType(types.StructRef):
    def preprocess_fields(self, fields: Any) -> Any:
        unliteral: Any = types.unliteral
        return tuple((name, unliteral(kind)) for name, kind in fields)


_Proxy: Any = structref.StructRefProxy
_define_proxy: Any = structref.define_proxy


class _Struct(_Proxy):
    def __new__(cls, *fields: Any) -> Any:
        return _Proxy.__new__(cls, *fields)


@structref.register
class LexerType(_StructType):
    pass


@structref.register
class ParserType(_StructType):
    pass


@structref.register
class PartsType(_StructType):
    pass


@structref.register
class TablesType(_StructType):
    pass


@structref.register
class MemoryType(_StructType):
    pass


@structref.register
class TextType(_StructType):
    pass


class LexerStruct(_Struct):
    """`LexerTables`"""


class ParserStruct(_Struct):
    """`ParserTables`"""


class PartsStruct(_Struct):
    """`PartTables`"""


class TablesStruct(_Struct):
    """`Tables`"""


class MemoryStruct(_Struct):
    """`Memory`"""


class TextStruct(_Struct):
    """`VocabularyText`"""


_define_proxy(LexerStruct, LexerType, list(LexerTables._fields))
_define_proxy(ParserStruct, ParserType, list(ParserTables._fields))
_define_proxy(PartsStruct, PartsType, list(PartTables._fields))
_define_proxy(TablesStruct, TablesType, list(Tables._fields))
_define_proxy(MemoryStruct, MemoryType, list(Memory._fields))
_define_proxy(TextStruct, TextType, list(VocabularyText._fields))


@njit(cache=True)
def _lexer_struct(tables: LexerTables) -> Any:
    return LexerStruct(*tables)


@njit(cache=True)
def _parser_struct(tables: ParserTables) -> Any:
    return ParserStruct(*tables)


@njit(cache=True)
def _parts_struct(tables: PartTables) -> Any:
    return PartsStruct(*tables)


@njit(cache=True)
def _tables_struct(lexer: LexerStruct, parser: ParserStruct, parts: PartsStruct) -> Any:
    return TablesStruct(lexer, parser, parts)


@njit(cache=True)
def _memory_struct(memory: Memory) -> Any:
    return MemoryStruct(*memory)


@njit(cache=True)
def _text_struct(text: VocabularyText) -> Any:
    return TextStruct(*text)


def tables_struct(tables: Tables) -> Any:
    """The tables for kernels."""
    return _tables_struct(
        _lexer_struct(_contiguous(tables.lexer)),
        _parser_struct(_contiguous(tables.parser)),
        _parts_struct(_contiguous(tables.parts)),
    )


def memory_struct(memory: Memory) -> Any:
    """The memory for kernels; both see what either writes."""
    return _memory_struct(memory)


def text_struct(text: VocabularyText) -> Any:
    """The vocabulary's text for kernels."""
    return _text_struct(_contiguous(text))


def _contiguous(arrays: Any) -> Any:
    """The same arrays in C order, writable as far as numba's types go: one signature for all."""
    return type(arrays)(*(np.require(array, requirements=["C", "W", "O"]) for array in arrays))
