"""Follows all events. Give a cursor that it printed to go on from there: nothing is missed, nothing told twice."""
import sys

import grpc
from gkick.v1.job_pb2 import EventType
from gkick.v1.job_service_pb2 import StreamEventsRequest
from gkick.v1.job_service_pb2_grpc import JobServiceStub

from who import ADDRESS, WHO

cursor = sys.argv[1] if len(sys.argv) > 1 else ""
channel = grpc.insecure_channel(ADDRESS)
while True:
    try:
        for batch in JobServiceStub(channel).StreamEvents(StreamEventsRequest(after_cursor=cursor), wait_for_ready=True, metadata=WHO):
            for event in batch.events:
                print(event.cursor, EventType.Name(event.type), event.name, event.job_id, flush=True)
            cursor = batch.cursor
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            sys.exit(f"{error.code().name}: {error.details()}")
    except KeyboardInterrupt:
        sys.exit(0)
