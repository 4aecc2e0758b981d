"""Models as files that hold no code: `model.save(path)`, `sk_mixup.load(path)`.

A file is a zip archive of a JSON document and of tensors in the format of safetensors.
Reading it builds objects of classes that stand in a list here; nothing of it is
imported, called by name or unpickled.
"""

from sk_mixup.saving._models import from_bytes, load, save, to_bytes

__all__ = ["from_bytes", "load", "save", "to_bytes"]
