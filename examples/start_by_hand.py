"""Starts a workflow with nothing but a Kafka client and an Avro library: what any language can do.

python examples/start_by_hand.py 127.0.0.1:19092 hello my-id-1 '{"names": ["Ada"]}'
"""

import json
import struct
import sys
import time
import uuid
from io import BytesIO
from pathlib import Path

import fastavro
from confluent_kafka import Producer

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"


def start(kafka, name, workflow_id, input_json, namespace="headrace"):
    """Publish a start command and return where it stands, as `partition:offset`."""
    schema = fastavro.parse_schema(json.loads((SCHEMAS / "commands" / "StartWorkflow.avsc").read_text()))
    versions = json.loads((SCHEMAS / "ids.json").read_text())["StartWorkflow"]
    schema_id = versions[max(versions, key=int)]

    value = BytesIO()
    value.write(struct.pack(">bI", 0, schema_id))  # Confluent framing: byte 0, then the schema's id
    command = {
        "command_id": str(uuid.uuid4()),  # a second record with the same id is the same command
        "workflow_id": workflow_id,  # the same id starts one workflow, however often it is sent
        "issued_at": int(time.time() * 1000),
        "name": name,
        "input": input_json.encode(),
    }  # the other fields have defaults: see the schema
    fastavro.schemaless_writer(value, schema, command)

    delivered = []
    producer = Producer({"bootstrap.servers": kafka, "acks": "all", "enable.idempotence": True})
    producer.produce(  # with any partitioner: the service forwards what is not for the shard that reads it
        f"{namespace}.workflow.commands",
        key=workflow_id,
        value=value.getvalue(),
        on_delivery=lambda error, message: delivered.append((error, message)),
    )
    producer.flush(10)
    if not delivered:
        raise SystemExit(f"Expected Kafka at {kafka} to take the record within 10 s, but it did not answer")
    error, message = delivered[0]
    if error is not None:
        raise SystemExit(f"Expected Kafka at {kafka} to take the record, but {error}")
    return f"{message.partition()}:{message.offset()}"


if __name__ == "__main__":
    print(start(*sys.argv[1:]))
