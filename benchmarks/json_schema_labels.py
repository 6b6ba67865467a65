"""Lists the instances of jsonschemabench whose label `jsonschema`, with format checks, denies.

Writes json_schema_labels.json: name of the schema, label, index in its list, and the reason: the
complaint of `jsonschema` about what is labelled valid, or what the data say is wrong with what
`jsonschema` finds valid. Instances of which it has no verdict (a pattern that Python does not take,
a reference out of the document) keep their labels; they are listed apart. The coverage benchmark
leaves wrong labels out, for every engine and in both directions.
"""

from __future__ import annotations

import collections
import json
import sys
from pathlib import Path
from typing import Any

from _judge import Judge, Undecided, checked_formats, exact
from _records import Record, records, set_names
from _report import Report, parser

FILE = Path(__file__).with_name("json_schema_labels.json")

Label = dict[str, Any]


def wrong_labels() -> set[tuple[str, str, int]]:
    """Name of the schema, label and index of each instance that is left out."""
    listed = json.loads(FILE.read_text(encoding="utf-8"))["wrong"]
    return {(each["name"], each["label"], each["index"]) for each in listed}


def check(record: Record) -> tuple[list[Label], list[Label]]:
    """The wrong labels of a record, and those without a verdict."""
    judge = Judge(record["schema"])
    wrong: list[Label] = []
    undecided: list[Label] = []
    for label in ("valid", "invalid"):
        for index, value in enumerate(record[label]):
            entry = {"name": record["name"], "label": label, "index": index}
            try:
                problem = judge.problem(exact(value))
            except Undecided as error:
                undecided.append({**entry, "reason": f"no verdict: {str(error)[:160]}"})
                continue
            if (problem is None) == (label == "valid"):
                continue
            stated = record["invalid_reason"]
            reason = problem or (stated[index] if index < len(stated) else "no reason is given")
            wrong.append({**entry, "reason": " ".join(str(reason).split())[:200]})
    return wrong, undecided


def main() -> None:
    """Judge all instances and write the list."""
    arguments = parser(__doc__).parse_args()
    formats = checked_formats()
    if "date-time" not in formats:
        sys.exit('install "jsonschema[format-nongpl]": most formats cannot be checked without it')
    report = Report("Labels of jsonschemabench")
    wrong: list[Label] = []
    undecided: list[Label] = []
    rows = []
    for name in set_names():
        count = collections.Counter[str]()
        for record in records(name):
            found, open_ = check(record)
            wrong += found
            undecided += open_
            count["instances"] += len(record["valid"]) + len(record["invalid"])
            count["labelled valid, but invalid"] += sum(e["label"] == "valid" for e in found)
            count["labelled invalid, but valid"] += sum(e["label"] == "invalid" for e in found)
            count["no verdict"] += len(open_)
        rows.append({"set": name, **count})
    report.settings(**{"formats that jsonschema checks here": formats})
    report.table("labels", rows)
    content = {"wrong": wrong, "undecided": undecided}
    FILE.write_text(json.dumps(content, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
