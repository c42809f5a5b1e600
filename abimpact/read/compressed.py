"""Compressed files: whole, undamaged, and none that unpacks to more than a log would.

DuckDB takes a zstd file that is cut off for a shorter one, and compares no checksum of gzip.
"""

import zipfile
from pathlib import Path

from abimpact.errors import DataError
from abimpact.read.sources import COMPRESSIONS, InputFile

# Text of logs shrinks to a tenth; what shrinks to less than a hundredth and is not small was made to fill a disk.
MOST_RATIO, LEAST_BYTES = 100, 256 << 20
CHUNK_BYTES = 1 << 20


def check_compressed(file: InputFile) -> None:
    """Unpack a compressed file of text to nowhere; a DataError says if it is damaged, or too much."""
    compression = COMPRESSIONS.get(Path(file.path).suffix.lower())
    if compression is None:
        return
    import pyarrow as pa

    unpacked = 0
    try:
        with pa.input_stream(file.path, compression=compression) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                unpacked += len(chunk)
                _check_size(file, unpacked)
    except OSError as error:
        raise DataError(
            f"{file.path} cannot be unpacked: {str(error).rstrip('.')}.", "Copy or export it again."
        ) from error


def check_workbook(file: InputFile) -> None:
    """As `check_compressed`, for a workbook that is an archive."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            _check_size(file, sum(part.file_size for part in archive.infolist()))
    except zipfile.BadZipFile:
        return  # older workbooks are none, and the reader of others says what is wrong


def _check_size(file: InputFile, unpacked: int) -> None:
    if unpacked > max(LEAST_BYTES, MOST_RATIO * file.bytes):
        raise DataError(
            f"{file.path} unpacks to more than {MOST_RATIO} times its {file.bytes:,} bytes, which no log does.",
            "If it is meant, unpack it first.",
        )
