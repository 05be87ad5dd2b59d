"""Reports the results of `make mutants`: python -m tests.mutants SESSION.

Cosmic Ray's own rate takes mutants that were filtered out for killed ones; here they do not count.
"""

import sqlite3
import sys
from contextlib import closing
from typing import Final

SURVIVORS_MAX_PERCENT: Final = 5
_COUNTS: Final = """
    SELECT module_path, count(*), coalesce(sum(test_outcome = 'SURVIVED'), 0)
    FROM mutation_specs JOIN work_results USING (job_id)
    WHERE worker_outcome != 'SKIPPED'
    GROUP BY module_path ORDER BY module_path
"""


def main(session_path: str) -> int:
    with closing(sqlite3.connect(session_path)) as session:
        counts = session.execute(_COUNTS).fetchall()
    for module, mutants, survivors in counts:
        print(f"{module:32} {mutants:4} mutants, {mutants - survivors:4} killed")  # noqa: T201
    mutants = sum(row[1] for row in counts)
    survivors = sum(row[2] for row in counts)
    percent = 100 * survivors / mutants if mutants else 100
    print(f"{mutants} mutants, {survivors} survived: {percent:.1f} %")  # noqa: T201
    return percent > SURVIVORS_MAX_PERCENT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
