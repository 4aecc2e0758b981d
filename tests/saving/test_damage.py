"""Files that are damaged or hostile say so: nothing runs, and memory is bounded."""

import contextlib
import io
import json
import struct
import tracemalloc
import warnings
import zipfile

import pytest

import sk_mixup
from sk_mixup.saving import from_bytes, to_bytes
from tests.saving.damage import (
    DOCUMENT,
    TENSORS,
    Damage,
    joined_tensors,
    packed,
    parts_of,
    split_tensors,
)
from tests.saving.models import fitted_case
from tests.saving.watch import warm_up, watched

DOCUMENTED = (ValueError, TypeError, OSError)
FUZZED = ("mlp", "outputs", "text_bag", "own_module", "sequences", "quantiles")


@pytest.fixture(scope="module")
def good():
    return to_bytes(fitted_case("mlp").model)


def refused(data, match):
    with pytest.raises(ValueError, match=match):
        from_bytes(data)


@pytest.mark.parametrize("name", FUZZED)
def test_damaged_files_raise_what_is_documented_and_run_nothing(name):
    case = fitted_case(name)
    data = to_bytes(case.model)
    # Python and torch import some of themselves when it is first needed.
    warm_up()
    from_bytes(data, case.module).predict(case.X)
    damage = Damage(data, seed=0)
    n_refused = 0
    for number in range(50):
        way, changed = damage()
        with warnings.catch_warnings(), watched() as seen:
            warnings.simplefilter("ignore")
            try:
                from_bytes(changed, case.module)
            except DOCUMENTED as error:
                n_refused += bool(str(error))
        assert not seen, (number, way, seen)
    assert n_refused > 25


def test_memory_is_bounded_by_the_file(good):
    damage = Damage(good, seed=1)
    from_bytes(good)
    tracemalloc.start()
    try:
        for _ in range(40):
            _, changed = damage()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with contextlib.suppress(*DOCUMENTED):
                    from_bytes(changed)
        assert tracemalloc.get_traced_memory()[1] < 40 * len(good)
    finally:
        tracemalloc.stop()


# -- the archive ----------------------------------------------------------------------


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        sk_mixup.load(tmp_path / "none.skm")
    with pytest.raises(OSError, match="directory"):
        sk_mixup.load(tmp_path)


@pytest.mark.parametrize("data", [b"", b"PK", b"hello" * 100, bytes(5000)])
def test_other_files(data):
    refused(data, "no usable model file: the archive")


def test_every_cut_is_found(good):
    for length in range(0, len(good), len(good) // 50):
        refused(good[:length], "the archive")


def test_a_changed_weight_is_found(good):
    changed = bytearray(good)
    changed[len(good) // 2] ^= 1
    refused(bytes(changed), "CRC|header")


def test_bombs_are_refused(good):
    document, tensors = parts_of(good)
    refused(
        packed(document, tensors, compression=zipfile.ZIP_DEFLATED), "is compressed"
    )
    bomb = packed(b" " * 10**7, b"", compression=zipfile.ZIP_DEFLATED)
    refused(bomb, "is compressed")


@pytest.mark.parametrize("name", ["../model.json", "/etc/passwd", "C:\\model.json"])
def test_names_that_lead_elsewhere_are_refused(name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "{}")
        archive.writestr(TENSORS, b"")
    refused(buffer.getvalue(), "it holds")


def test_many_entries_are_refused_unseen():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(500):
            archive.writestr(str(number), b"")
    refused(buffer.getvalue(), "something else than two entries")


def test_a_stated_size_beyond_the_file_is_refused(good):
    at = good.index(b"PK\x01\x02")
    changed = bytearray(good)
    struct.pack_into("<LL", changed, at + 20, 2**31, 2**31)
    refused(bytes(changed), "the archive")


# -- the document ---------------------------------------------------------------------


def with_document(good, change):
    document, tensors = parts_of(good)
    change(document)
    return packed(document, tensors)


@pytest.mark.parametrize(
    "text",
    [b"[" * 10**5, b'{"a":' * 10**5, b"{", b"NaN", b"[]", b'{"a":1,"a":2}', b"\xff"],
    ids=["deep", "deep objects", "cut", "constant", "list", "twice", "no text"],
)
def test_strange_json(text):
    refused(packed(text, b""), DOCUMENT)


def test_deep_values(good):
    deep: object = 1
    for _ in range(200):
        deep = {"is": "tuple", "of": [deep]}
    change = lambda d: d["model"]["params"].update(quantiles=deep)  # noqa: E731
    refused(with_document(good, change), "nested too deeply")


@pytest.mark.parametrize("version", [2, 99, 0, -1, None, "1", 1.0, True])
def test_another_version(good, version):
    refused(with_document(good, lambda d: d.update(version=version)), "version")


def test_another_format(good):
    refused(with_document(good, lambda d: d.update(format="x")), "no model file")


@pytest.mark.parametrize(
    "name", ["os.system", "builtins.eval", "torch.load", "sk_mixup.load", "subprocess"]
)
def test_classes_that_are_not_known_are_not_looked_up(good, name):
    def change(document):
        document["model"]["params"]["optimizer"] = {"is": "class", "of": name}

    with watched() as seen:
        refused(with_document(good, change), DOCUMENT)
    assert not seen


@pytest.mark.parametrize("key", ["d_hidden", "n_hidden", "n_numeric", "n_members"])
@pytest.mark.parametrize("size", [10**6, 10**9, 10**15, -1])
def test_sizes_beyond_the_weights_are_refused(good, key, size):
    def change(document):
        document["model"]["net"]["built_with"][key] = size

    tracemalloc.start()
    try:
        refused(with_document(good, change), DOCUMENT)
        assert tracemalloc.get_traced_memory()[1] < 5e7
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [[10**9, 10**9], [3, 10**7, 1], [-1], [2.0], ["x"]])
def test_rows_of_absurd_shapes_are_refused(shape):
    def change(document):
        document["model"]["source"]["rows"]["shape"] = shape

    refused(with_document(to_bytes(fitted_case("pixels").model), change), DOCUMENT)


# -- the tensors ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "tensors",
    [
        b"",
        struct.pack("<Q", 2**63),
        struct.pack("<Q", 10**6) + b"{}",
        joined_tensors([], b""),
        joined_tensors({"a": {}}, b""),
        joined_tensors(
            {"a": {"dtype": "F32", "shape": [2**47], "data_offsets": [0, 8]}}, bytes(8)
        ),
    ],
    ids=["none", "huge header", "cut header", "list", "empty entry", "huge shape"],
)
def test_tensors_of_another_form(good, tensors):
    refused(packed(parts_of(good)[0], tensors), "the tensors")


@pytest.mark.parametrize(
    "change",
    [
        lambda header, name: header.pop(name),
        lambda header, name: header[name].update(shape=[1, *header[name]["shape"]]),
        lambda header, name: header[name].update(data_offsets=[0, 4]),
        lambda header, name: header[name]["shape"].reverse(),
    ],
    ids=["missing", "more axes", "overlap", "transposed"],
)
def test_weights_of_another_shape(good, change):
    document, tensors = parts_of(good)
    header, raw = split_tensors(tensors)
    change(header, "weights/hidden.0.0.weight")
    refused(packed(document, joined_tensors(header, raw)), "no usable model file")


def test_weights_of_another_dtype(good):
    document, tensors = parts_of(good)
    header, raw = split_tensors(tensors)
    header["weights/hidden.0.0.weight"]["dtype"] = "I32"
    refused(packed(document, joined_tensors(header, raw)), "dtype torch.int32")


def test_the_document_is_json_that_says_what_it_is(good):
    document = json.loads(json.dumps(parts_of(good)[0]))
    assert document["format"] == "sk-mixup model"
    assert set(document["written_by"]) > {"sk-mixup", "torch", "numpy"}
    columns = document["model"]["source"]["columns"]
    assert columns[0] == {"name": "age", "role": "number", "dtype": "float"}
    assert columns[2] == {"name": "job", "role": "category", "dtype": "str"}
