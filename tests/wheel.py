"""Runs the first example of the README, and looks at what the wheel has installed.

Started by `make test-wheel` in an empty folder, by an interpreter that has the wheel.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path


def main(readme: str) -> None:
    """Run the example of a README."""
    import sk_mixup

    package = Path(sk_mixup.__file__).parent
    assert "site-packages" in package.parts, f"not the wheel: {package}"
    assert (package / "py.typed").is_file(), "py.typed is missing"
    files = importlib.metadata.files("sk-mixup") or []
    tops = {file.parts[0] for file in files}
    assert not tops & {"tests", "benchmarks", "examples"}, tops
    block = re.search(r"```python\n(.*?)```", Path(readme).read_text(), re.DOTALL)
    assert block is not None
    names: dict[str, object] = {}
    exec(compile(block[1], readme, "exec"), names)
    print("\n".join(map(str, names["probabilities"])))  # type: ignore[call-overload]
    print(f"sk-mixup {sk_mixup.__version__}: the wheel works, {len(files)} files")


if __name__ == "__main__":
    main(sys.argv[1])
