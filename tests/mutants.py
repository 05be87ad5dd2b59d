"""Two steps of `make mutants`: python -m tests.mutants skip|report SESSION.

Cosmic Ray's own rate takes mutants that were skipped for killed ones; here they do not count.
"""

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

SURVIVORS_MAX_PERCENT: Final = 5
_POSITIONS: Final = """
    SELECT job_id, module_path, start_pos_row, start_pos_col FROM mutation_specs
    WHERE operator_name IN ('core/ReplaceTrueWithFalse', 'core/NumberReplacer')
        AND job_id NOT IN (SELECT job_id FROM work_results)
"""
# What stands before a value whose change no test needs to notice: `kw_only` and `strict` guard
# against mistakes of callers, which mypy finds, too; of a constant, tests use the name.
_BEFORE: Final = re.compile(r"\b(kw_only|strict)=$|^[A-Z_]+: Final = [^()]*$")
_SKIP: Final = "INSERT INTO work_results (job_id, worker_outcome) VALUES (?, 'SKIPPED')"
_COUNTS: Final = """
    SELECT module_path, count(*), coalesce(sum(test_outcome = 'SURVIVED'), 0)
    FROM mutation_specs JOIN work_results USING (job_id)
    WHERE worker_outcome != 'SKIPPED'
    GROUP BY module_path ORDER BY module_path
"""


def skip(session: sqlite3.Connection) -> int:
    """Skip what no test needs to notice."""
    skipped = [
        (job_id,)
        for job_id, module, row, column in session.execute(_POSITIONS).fetchall()
        if _BEFORE.search(Path(module).read_text("utf-8").splitlines()[row - 1][:column])
    ]
    session.executemany(_SKIP, skipped)
    session.commit()
    return 0


def report(session: sqlite3.Connection) -> int:
    """Print the mutants of each module; 1 if more survived than may."""
    counts = session.execute(_COUNTS).fetchall()
    for module, mutants, survivors in counts:
        print(f"{module:46} {mutants:4} mutants, {mutants - survivors:4} killed")  # noqa: T201
    mutants = sum(row[1] for row in counts)
    survivors = sum(row[2] for row in counts)
    percent = 100 * survivors / mutants if mutants else 100
    print(f"{mutants} mutants, {survivors} survived: {percent:.1f} %")  # noqa: T201
    return percent > SURVIVORS_MAX_PERCENT


if __name__ == "__main__":
    with closing(sqlite3.connect(sys.argv[2])) as opened:
        sys.exit({"skip": skip, "report": report}[sys.argv[1]](opened))
