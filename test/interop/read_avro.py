"""Decodes records of a topic with fastavro. Reads JSON lines {key, value} in hex, prints JSON lines of what they mean.

The registry's address is the only argument. Bytes are printed in hex, decimals and times as text.
"""

import io
import json
import sys
import urllib.request

import fastavro

schemas = {}


def schema_of(number):
    if number not in schemas:
        with urllib.request.urlopen(f"{sys.argv[1]}/schemas/ids/{number}") as answer:
            schemas[number] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
    return schemas[number]


def decoded(text):
    if text is None:
        return None
    data = bytes.fromhex(text)
    assert data[0] == 0, "the framing is not Confluent's"
    rest = io.BytesIO(data[5:])
    value = fastavro.schemaless_reader(rest, schema_of(int.from_bytes(data[1:5], "big")), None)
    assert rest.read() == b"", "bytes are left over"
    return value


def printable(value):
    return value.hex() if isinstance(value, bytes) else str(value)


with open(sys.argv[2]) as lines:
    for line in lines:
        record = json.loads(line)
        print(json.dumps({part: decoded(record[part]) for part in ("key", "value")}, default=printable))
