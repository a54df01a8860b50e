#!/usr/bin/env python3
"""What an attempt costs beside its command: 1,000 attempts of `true`, against `xargs -P`.

Aim: CPU and wall within 1.3 times of xargs.
"""

import shutil

from measure import Contender, binary, parser, print_table, take_turns, workplace


def main() -> None:
    options = parser(__doc__, rounds=5)
    options.add_argument("--attempts", type=int, default=1000)
    options.add_argument("--parallelism", type=int, default=4)
    asked = options.parse_args()
    flaky, true = binary(asked.flaky), shutil.which("true")
    with workplace() as (folder, env):
        numbers = folder / "numbers"
        numbers.write_text("".join(f"{n}\n" for n in range(asked.attempts)))
        project, parallelism = folder / "project", str(asked.parallelism)
        xargs = ["xargs", "-P", parallelism, "-I{}", true]
        contenders = [Contender("xargs -P", xargs, project, env, stdin=numbers)]
        for level in asked.levels:
            argv = [flaky, "run", "--isolation", level, "--runs", str(asked.attempts), "--parallelism", parallelism]
            argv += ["--first-seed", "1", "--quiet", "--", true]
            contenders.append(Contender(f"flaky, isolation {level}", argv, project, env))
        take_turns(contenders, asked.rounds)
        print_table(f"{asked.attempts} attempts of `true`, {parallelism} side by side", contenders)


if __name__ == "__main__":
    main()
