"""An audit as JUnit XML, which continuous integration reads: one test for each case and output."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from symconv.audits.case import Case
from symconv.audits.causes import CAUSES
from symconv.audits.result import Outcome

__all__ = ["junit_xml"]

#: characters that XML 1.0 cannot hold
_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(audit: Outcome) -> str:
    """A ``testsuites`` document: wrong values and shapes failures, exceptions errors, what is refused or undocumented skipped."""
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    suite = ET.Element("testsuite", name=f"symconv audit {audit.label}", time=f"{audit.seconds:.3f}")
    for case in audit.cases:
        for output in audit.outputs:
            counts["tests"] += 1
            _test(suite, audit, case, output, counts)
    for key, value in counts.items():
        suite.set(key, str(value))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _test(suite: ET.Element, audit: Outcome, case: Case, output: str, counts: dict[str, int]) -> None:
    test = ET.SubElement(suite, "testcase", classname=f"{audit.label}.{output}", name=case.conv.slug)
    status, message = case.status(output), _UNPRINTABLE.sub("?", case.verdict.message)
    if case.outside is not None:
        kind, told = "skipped", f"{case.outside}; {status}"
    elif status == "refuses":
        kind, told = "skipped", f"refuses: {message}"
    elif status == "limit":
        kind, told = "skipped", f"not judged: {message}"
    elif status == "error":
        kind, told = "errors", message
    elif status == "ok":
        return
    else:
        kind = "failures"
        told = f"{output} has the wrong {status}"
        if output in case.verdict.shapes:
            yours, true = case.verdict.shapes[output]
            told += f": {tuple(yours)}, true {tuple(true)}"
    if kind in ("errors", "failures"):
        causes = case.verdict.causes.get(output, case.verdict.causes.get("*", []))
        told += "".join(f"; likely cause: {CAUSES[key].text.format(output=output)}" for key in causes[:1])
        told += "".join(f"; {_UNPRINTABLE.sub('?', finding)}" for finding in case.verdict.findings)
    counts[kind] += 1
    note = ET.SubElement(test, {"errors": "error", "failures": "failure", "skipped": "skipped"}[kind], message=told)
    failure = next((f for f in audit.failures if f.output == output and f.conv == case.conv), None)
    if failure is not None and kind != "skipped":
        note.text = _UNPRINTABLE.sub("?", str(failure))
