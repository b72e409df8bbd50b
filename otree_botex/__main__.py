"""Starts the command line: as `python -m otree_botex`, or by the path of this file.

By path, an interpreter that does not have otree_botex installed (the bots') runs the very files of the oTree server's
environment, and nothing else of that environment: its site-packages do not get onto `sys.path`.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def _load_package() -> None:
    folder = Path(__file__).resolve().parent
    # without -I, Python puts the folder of a script there, where the package's modules would hide others of their name
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != folder]
    spec = spec_from_file_location("otree_botex", folder / "__init__.py", submodule_search_locations=[str(folder)])
    assert spec is not None and spec.loader is not None
    package = sys.modules["otree_botex"] = module_from_spec(spec)
    spec.loader.exec_module(package)


if __name__ == "__main__":
    if sys.version_info < (3, 10):  # noqa: UP036 (the bots' interpreter may be any)
        sys.exit(f"otree-botex needs Python 3.10 or newer, and this is {sys.version.split()[0]}.")
    if not __package__:
        _load_package()
    from otree_botex.cli import main

    sys.exit(main())
