import subprocess
import sys
from pathlib import Path

SYNC = Path(__file__).parent.parent / "sync.py"


def test_the_block_is_kept_in_step(tmp_path: Path) -> None:
    owners, configuration = tmp_path / "CODEOWNERS", tmp_path / "flaky.yml"
    owners.write_text("# who\n* @all\n\n/a/ @a\n")
    before = "plugins:\n  - settings:\n      codeowners: |\n        old\n\n        older\n      severity: {}\nruns: 3\n"
    configuration.write_text(before)

    def sync(*flags: str) -> int:
        return subprocess.run([sys.executable, SYNC, *flags, owners, configuration], check=False).returncode

    assert sync("--check") == 1
    assert sync() == 0 and sync("--check") == 0
    lines = configuration.read_text().splitlines()
    assert lines[2:7] == ["      codeowners: |", "        # who", "        * @all", "", "        /a/ @a"]
    assert lines[-2:] == ["      severity: {}", "runs: 3"]
