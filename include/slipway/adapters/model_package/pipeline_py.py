"""Import a model's own `pipeline.py` from its text, under a name that holds its digest.

The live file and stored ones can be imported side by side in one process,
and an edit of the live file changes no version's predictions.
"""

from __future__ import annotations

import sys
from types import ModuleType

from slipway.errors import SpecError
from slipway.records.store import digest

PREFIX = "slipway_model_"


def import_pipeline_py(model: str, text: str) -> ModuleType:
    """Import the text of a `pipeline.py`; the same text is imported once.

    Raises:
        SpecError: It cannot be imported.
    """
    name = f"{PREFIX}{model}_{digest(text.encode())[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    # skops finds a transformer's class by importing its module, so it has to be listed.
    sys.modules[name] = module
    try:
        exec(compile(text, f"<{name}>", "exec"), module.__dict__)  # noqa: S102
    except Exception as error:
        del sys.modules[name]
        raise SpecError(
            f"pipeline.py of {model} cannot be imported",
            found=f"{type(error).__name__}: {error}",
            hint="import it in a Python shell to see the traceback",
        ) from error
    return module
