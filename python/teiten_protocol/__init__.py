"""The batch format: the one thing agent and collector share.

A batch is what one sensor saw in one or more spans. `docs/reference/batch-format.md` specifies it so that
another implementation can be written from it; this package is the reference implementation. It depends on
the standard library and msgpack alone, because it runs on the appliance.

Every `Batch` that exists is valid: its parts check themselves when they are made, so `encode` cannot write
what `decode` would refuse.
"""

from teiten_protocol.batch import Batch, BatchKey, HeldStep, Span
from teiten_protocol.codec import decode, digest, encode
from teiten_protocol.columns import (
    DetectionColumns,
    ExampleColumns,
    QuotedColumns,
    SketchColumns,
    TupleColumns,
)
from teiten_protocol.compression import compress, expand
from teiten_protocol.errors import BatchError, Fault
from teiten_protocol.keys import (
    Class,
    Confidence,
    Family,
    Form,
    KeyTextError,
    Step,
    Tool,
    key_text,
    parse_key,
)
from teiten_protocol.limits import (
    MAX_BODY_BYTES,
    MAX_COMPRESSED_BYTES,
    MAX_DETECTIONS,
    MAX_EXAMPLES,
    MAX_QUOTED,
    MAX_ROWS,
    MAX_SKETCHES,
    MEDIA_TYPE,
    SKETCH_REGISTERS,
    SUPPORTED_VERSIONS,
    VERSION,
)
from teiten_protocol.rows import (
    DetectionRow,
    TupleRow,
    detection_columns,
    detection_rows,
    tuple_columns,
    tuple_rows,
)

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_COMPRESSED_BYTES",
    "MAX_DETECTIONS",
    "MAX_EXAMPLES",
    "MAX_QUOTED",
    "MAX_ROWS",
    "MAX_SKETCHES",
    "MEDIA_TYPE",
    "SKETCH_REGISTERS",
    "SUPPORTED_VERSIONS",
    "VERSION",
    "Batch",
    "BatchError",
    "BatchKey",
    "Class",
    "Confidence",
    "DetectionColumns",
    "DetectionRow",
    "ExampleColumns",
    "Family",
    "Fault",
    "Form",
    "HeldStep",
    "KeyTextError",
    "QuotedColumns",
    "SketchColumns",
    "Span",
    "Step",
    "Tool",
    "TupleColumns",
    "TupleRow",
    "compress",
    "decode",
    "detection_columns",
    "detection_rows",
    "digest",
    "encode",
    "expand",
    "key_text",
    "parse_key",
    "tuple_columns",
    "tuple_rows",
]
