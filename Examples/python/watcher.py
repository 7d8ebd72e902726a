"""Follows all events. Give a cursor that it printed to go on from there: nothing is missed, nothing told twice."""
import os
import sys

import grpc
from gkick.v1.job_pb2 import EventType
from gkick.v1.job_service_pb2 import StreamEventsRequest
from gkick.v1.job_service_pb2_grpc import JobServiceStub

cursor = sys.argv[1] if len(sys.argv) > 1 else ""
channel = grpc.insecure_channel(os.environ.get("GKICK_ADDRESS", "127.0.0.1:7450"))
# Says who calls, to a server with --auth. In plaintext, as here, it is to go no further than this machine.
who = [("authorization", f"Bearer {os.environ['GKICK_TOKEN']}")] if "GKICK_TOKEN" in os.environ else None
while True:
    try:
        for batch in JobServiceStub(channel).StreamEvents(StreamEventsRequest(after_cursor=cursor), wait_for_ready=True, metadata=who):
            for event in batch.events:
                print(event.cursor, EventType.Name(event.type), event.name, event.job_id, flush=True)
            cursor = batch.cursor
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            sys.exit(f"{error.code().name}: {error.details()}")
    except KeyboardInterrupt:
        sys.exit(0)
