"""This package's compiler and three others behind one interface: a schema, then texts.

Acceptance of a text is defined byte by byte, whatever tokens it is cut into, so every engine gets a
vocabulary of the 256 single bytes and an end token here: the cheapest that an engine can be given,
and one that can write any text. How each is set, which is what its own documentation states for
output that follows the schema:

`constrained-diffusion`: `JsonSchema(schema)`, all defaults, for canvases that hold 32,768 bytes
    (256 of the longest tokens of the shared vocabulary). A longer text is decided without that.
`llguidance`: `LLMatcher.grammar_from_json_schema` with its defaults (flexible white space; no
    `lenient`, no `coerce_one_of`: what it cannot enforce is an error). Warnings do not count.
`xgrammar`: `strict_mode=False`, in which objects and arrays may hold what the schema leaves open,
    as JSON Schema says; otherwise defaults (any white space).
`xgrammar-strict`: its defaults, `strict_mode=True`: undeclared properties and items are refused.
`outlines-core`: `build_regex_from_schema` with its defaults, `Index` of the expression.

A text counts as accepted if the engine consumes all of it and could end there.
"""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import constrained_diffusion as cd

Acceptor = Callable[[str], bool]
Compiler = Callable[[Any], Acceptor]

CAPACITY = 32_768
END = 256
BYTES = [bytes([value]) for value in range(256)]

OWN = "constrained-diffusion"
PEERS = ("llguidance", "xgrammar", "xgrammar-strict", "outlines-core")

_PACKAGES = {OWN: OWN, "xgrammar-strict": "xgrammar"}


def version_of(engine: str) -> str | None:
    """The version of the engine's package; None if it is not installed."""
    if engine == OWN:
        return cd.__version__
    try:
        return metadata.version(_PACKAGES.get(engine, engine))
    except metadata.PackageNotFoundError:
        return None


def compiler_of(engine: str) -> Compiler:
    """The function that compiles a schema for the engine; it raises what the engine raises."""
    if engine == OWN:
        return _own()
    if engine == "llguidance":
        return _llguidance()
    if engine == "outlines-core":
        return _outlines()
    return _xgrammar(strict=engine == "xgrammar-strict")


def judging(engine: str) -> Callable[[Any], dict[str, Any]]:
    """A handler for a worker: takes (schema, list of lists of texts), and says whether the engine
    accepts any text of each list; `seconds` it took to compile, or why it was `refused`."""
    compile_schema = compiler_of(engine)
    compile_schema({"type": "object", "properties": {"a": {"type": "integer"}}})

    def handle(request: tuple[Any, list[list[str]]]) -> dict[str, Any]:
        schema, texts = request
        started = time.perf_counter()
        try:
            accepts = compile_schema(schema)
        except MemoryError:
            raise
        except BaseException as error:  # a panic of native code is no Exception
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            return {"refused": reason_of(error), "message": str(error)[:400]}
        seconds = time.perf_counter() - started
        accepted = [any(accepts(text) for text in spellings) for spellings in texts]
        return {"seconds": seconds, "accepted": accepted}

    return handle


def reason_of(error: BaseException) -> str:
    """The kind of a refusal: the keyword if one is named, else the kind of error."""
    keyword = getattr(error, "keyword", "")
    return f"keyword {keyword}" if keyword else type(error).__name__


def acceptor(constraint: Any, capacity: int | None = CAPACITY) -> Acceptor:
    """What `CompiledConstraint.accepts` answers, without a vocabulary and its lift."""
    language = constraint.language(capacity)
    unlimited: list[Any] = []
    beyond = getattr(constraint, "accepts_beyond", None)

    def accepts(text: str) -> bool:
        try:
            spelled = constraint.spelling(text).text
            data = spelled.encode()
        except UnicodeError:
            return False
        decided = language
        if capacity is not None and len(data) > capacity:
            if not unlimited:
                unlimited.append(constraint.language())
            decided = unlimited[0]
        return bool(decided.automaton.accepts(data)) or bool(beyond is not None and beyond(text))

    return accepts


def _own() -> Compiler:
    return lambda schema: acceptor(cd.JsonSchema(schema))


class _ByteTokenizer:
    """The vocabulary of single bytes as llguidance wants it."""

    eos_token_id = END
    bos_token_id = None
    tokens = (*BYTES, b"<end>")
    special_token_ids = (END,)

    def __call__(self, text: bytes | str) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)


def _llguidance() -> Compiler:
    llguidance = importlib.import_module("llguidance")
    matcher_kind = llguidance.LLMatcher
    tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(_ByteTokenizer()))

    def compile_schema(schema: Any) -> Acceptor:
        grammar = matcher_kind.grammar_from_json_schema(json.dumps(schema))
        compiled = matcher_kind(tokenizer, grammar, log_level=0)
        if compiled.is_error():
            raise ValueError(compiled.get_error())

        def accepts(text: str) -> bool:
            tokens = list(text.encode(errors="surrogatepass"))
            matcher = compiled.deep_copy()
            return bool(
                matcher.try_consume_tokens(tokens) == len(tokens)
                and not matcher.is_error()
                and matcher.is_accepting()
            )

        return accepts

    return compile_schema


def _xgrammar(*, strict: bool) -> Compiler:
    xgrammar = importlib.import_module("xgrammar")
    information = xgrammar.TokenizerInfo(
        [*BYTES, b"<end>"], xgrammar.VocabType.RAW, stop_token_ids=[END]
    )
    compiler = xgrammar.GrammarCompiler(information, max_threads=1, cache_enabled=False)

    def compile_schema(schema: Any) -> Acceptor:
        compiled = compiler.compile_json_schema(json.dumps(schema), strict_mode=strict)

        def accepts(text: str) -> bool:
            matcher = xgrammar.GrammarMatcher(compiled)
            data = text.encode(errors="surrogatepass")
            return bool(matcher.accept_string(data) and matcher.accept_token(END))

        return accepts

    return compile_schema


def _outlines() -> Compiler:
    outlines = importlib.import_module("outlines_core")
    vocabulary = outlines.Vocabulary(END, {token: [n] for n, token in enumerate(BYTES)})

    def compile_schema(schema: Any) -> Acceptor:
        expression = outlines.json_schema.build_regex_from_schema(json.dumps(schema))
        index = outlines.Index(expression, vocabulary)

        def accepts(text: str) -> bool:
            state = index.get_initial_state()
            for byte in text.encode(errors="surrogatepass"):
                state = index.get_next_state(state, byte)
                if state is None:
                    return False
            return bool(index.is_final_state(state))

        return accepts

    return compile_schema
