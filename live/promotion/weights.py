"""Weights are data: which files may hold a model's numbers, and why a pickle is none of them.

Opening a pickle runs whatever it says, so neither joblib nor cloudpickle nor a NumPy object array may travel in a bundle.
"""

import ast
import io
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Any

from live.promotion.errors import ArchiveError

WEIGHT_FOLDER = "weights"
WEIGHT_SUFFIXES = frozenset({".json", ".npz", ".onnx"})
PICKLE_SUFFIXES = frozenset({".cloudpickle", ".dill", ".joblib", ".pickle", ".pkl", ".pt", ".pth", ".sav"})

_NPY_MAGIC = b"\x93NUMPY"
_NPY_HEADER_BYTES = 4096
_PICKLE_OPENINGS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def check_weights(name: str, content: bytes) -> None:
    """Refuse a file that would be unpickled when it is opened, whatever it is called.

    Raises:
        ArchiveError: the content is a pickle, or an npz with an array of Python objects.
    """
    if content.startswith(_PICKLE_OPENINGS):
        raise ArchiveError(f"{name} is a pickle under another name, and a pickle runs code when it is opened: save JSON, npz or ONNX")
    if PurePosixPath(name).suffix == ".npz":
        _check_arrays(name, content)


def _check_arrays(name: str, content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as arrays:
            for entry in arrays.infolist():
                with arrays.open(entry) as file:
                    descriptions = _element_types(file.read(_NPY_HEADER_BYTES))
                if any("O" in description for description in descriptions):
                    raise ArchiveError(f"{name}: {entry.filename} holds Python objects, which are stored as a pickle: save numbers only")
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, SyntaxError, KeyError, RuntimeError, EOFError, OSError) as error:
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(f"{name} is not a readable npz of numeric arrays ({error}): save it again with numpy.savez") from error


def _element_types(opening: bytes) -> list[str]:
    """Read the element types out of an array's header (the npy format of NumPy's NEP 1)."""
    if not opening.startswith(_NPY_MAGIC):
        raise ValueError("an entry is not a NumPy array")
    start, layout = (10, "<H") if opening[6] == 1 else (12, "<I")
    (length,) = struct.unpack_from(layout, opening, 8)
    return _flatten(ast.literal_eval(opening[start : start + length].decode("latin-1").strip())["descr"])


def _flatten(description: Any) -> list[str]:
    if isinstance(description, str):
        return [description]
    return [element for field in description for element in _flatten(field[1])]
