"""Models as files that hold no code: `model.save(path)`, `sk_mixup.load(path)`.

A file is a zip archive of a JSON document and of tensors in the format of safetensors.
Reading it builds objects of classes that stand in a list here; nothing of it is
imported, called by name or unpickled.
"""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.saving._models import (
        from_bytes as from_bytes,
        load as load,
        save as save,
        to_bytes as to_bytes,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._models": "from_bytes load save to_bytes",
        },
    )
