"""`python -m tests.benchmarks` lists the benchmarks; with a name it runs one."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from tests import benchmarks


def main(arguments: list[str]) -> int:
    """List, or run."""
    names = sorted(
        module.name for module in pkgutil.iter_modules(benchmarks.__path__)
        if module.name not in ("__main__", "comparison")
    )
    if not arguments:
        for name in names:
            print(f'make bench B="{name}"\t{_module(name).__doc__.splitlines()[0]}'.expandtabs(30))
        return 0
    if arguments[0] not in names:
        print(f"There is no benchmark {arguments[0]!r}. There are: {', '.join(names)}.", file=sys.stderr)
        return 2
    _module(arguments[0]).main()
    return 0


def _module(name: str):  # noqa: ANN202 - a module with main()
    return importlib.import_module(f"tests.benchmarks.{name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
