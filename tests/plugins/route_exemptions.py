"""Cases that a route does not have to be asked, each with the reason.

Keys are (method, path template, case). An entry whose route is gone, or whose case is exercised
after all, fails the run: delete it then.
"""

from tests.plugins.route_table import Case

EXEMPTIONS: dict[tuple[str, str, Case], str] = {}
