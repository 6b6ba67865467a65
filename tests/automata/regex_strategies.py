"""Random regular expressions in the syntax that `re` shares, and random short texts."""

from __future__ import annotations

from hypothesis import strategies as st

ALPHABET = "abB_1 \né😀"

texts = st.text(alphabet=ALPHABET, max_size=6)

_characters = st.sampled_from(["a", "b", "B", "1", "é", "😀", "_", r"\n", " "])
_classes = st.sampled_from(
    [".", r"\w", r"\W", r"\d", r"\s", r"\S", "[ab]", "[^a]", "[a-é]", r"[^\w]", r"[\d_b]", "[b-]"]
)
single = _characters | _classes
_anchors = st.sampled_from(["^", "$", r"\A", r"\Z", r"\b", r"\B"])
_fixed_width = st.lists(single, min_size=1, max_size=2).map("".join) | st.sampled_from(
    [r"^", r"\b", r"\ba", r"(?:a|b)", r"a$", r"a(?=b)", r"(?<=a)b", r"(?!b)\w"]
)
quantifiers = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}", "{2,}"])


def _extended(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    grouped = inner.map(lambda body: f"(?:{body})")
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(grouped, quantifiers).map("".join),
        inner.map(lambda body: f"(?={body})"),
        inner.map(lambda body: f"(?!{body})"),
        st.tuples(st.sampled_from(["(?<=", "(?<!"]), _fixed_width).map(lambda p: f"{p[0]}{p[1]})"),
        inner.map(lambda body: f"(?i:{body})"),
    )


patterns = st.tuples(
    st.sampled_from(["", "", "", "(?i)", "(?s)", "(?m)", "(?a)"]),
    st.recursive(single | single | _anchors, _extended, max_leaves=10),
).map("".join)
"""Patterns with assertions anywhere. Some are not valid for `re`: filter with `re.compile`."""
