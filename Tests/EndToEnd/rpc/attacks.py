"""Attacks on the server. Each is a function of the server that returns whether the server defended itself; most give up
after a few seconds or when they are cut off."""

import attacks_frames as frames
import attacks_messages as messages
import attacks_slow as slow
import attacks_streams as streams

ATTACKS = [
    streams.rapid_reset,
    streams.made_you_reset_zero_increment,
    streams.made_you_reset_overflow,
    streams.made_you_reset_bad_priority,
    streams.made_you_reset_closed_data,
    streams.made_you_reset_content_length,
    streams.zero_length_headers,
    streams.refused_requests,
    streams.stream_exhaustion,
    streams.abandoned_calls,
    streams.tiny_deadlines,
    frames.settings_flood,
    frames.settings_flood_unread,
    frames.ping_flood,
    frames.ping_flood_unread,
    frames.empty_data_flood,
    frames.padding_flood,
    frames.unknown_frames,
    frames.priority_flood,
    frames.window_update_flood,
    frames.empty_message_flood,
    frames.reset_of_closed_streams,
    frames.continuation_flood,
    frames.hpack_bomb,
    frames.large_headers,
    frames.many_headers,
    slow.slow_read_window,
    slow.tcp_no_read,
    slow.slow_read_stream,
    slow.slow_read_duplex,
    slow.slow_preface,
    slow.silent_connections,
    slow.slow_headers,
    slow.slow_message,
    slow.window_ignored,
    messages.oversized_message,
    messages.gzip_bomb,
    messages.length_lie,
    messages.empty_submessages,
    messages.garbage,
    messages.forbidden_frames,
    messages.connection_flood,
]
