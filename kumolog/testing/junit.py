"""Names for Lua specs in JUnit XML: readers take what stands before a dot for a package."""

from __future__ import annotations

import pytest
from _pytest.junitxml import LogXML, xml_key

_NAME = "junit names of Lua specs"


class JUnitNames:
    """Calls a test by its blocks and name, and its class by its file: ``policies.init_spec``."""

    def __init__(self, report: LogXML) -> None:
        self._report = report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Names a test before it is written down."""
        self._name(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Names a file or a block that could not be collected."""
        if report.failed:
            self._name(report)

    def _name(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        file, *names = report.nodeid.split("::")
        if not file.endswith(".lua"):
            return
        node = self._report.node_reporter(report)
        node.add_attribute("classname", file.removesuffix(".lua").replace("/", "."))
        node.add_attribute("name", " > ".join(names) or "the file")
        line = report.location[1] if report.location else None
        if line is not None:  # pytest counts from 0
            node.add_attribute("line", line + 1)


def name_specs(config: pytest.Config) -> None:
    """Gives specs such names in the report of a session, if there is one."""
    report = config.stash.get(xml_key, None)
    if report is not None:
        config.pluginmanager.register(JUnitNames(report), _NAME)
