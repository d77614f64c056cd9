"""A plugin of pytest that writes the outcome of each test into the file TIDEOVER_REPORT, as tests/suites reads it."""

import os

report = open(os.environ["TIDEOVER_REPORT"], "w", buffering=1)


def write(outcome, test, detail=""):
    report.write("\t".join([outcome, test, " ".join(detail.split())[:300]]) + "\n")


def pytest_runtest_logreport(report):
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        write("err", report.nodeid, crash.message if crash else str(report.longrepr))
    elif report.skipped:
        write("skip", report.nodeid)
    elif report.when == "call":
        write("ok", report.nodeid)


def pytest_collectreport(report):
    if report.failed:
        write("exception", report.nodeid, str(report.longrepr))


def pytest_sessionfinish(session):
    write("done", "")
