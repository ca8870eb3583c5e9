"""Streaming: sources, a state that survives, and sinks around a running matcher."""

from streamkit.streaming.file_sinks import NdjsonSink, ParquetSink
from streamkit.streaming.folder import FolderSource
from streamkit.streaming.history_source import HistorySource
from streamkit.streaming.iterators import IteratorSource
from streamkit.streaming.kafka import KafkaSource
from streamkit.streaming.listening import HttpSource
from streamkit.streaming.live_run import LiveRun, live
from streamkit.streaming.live_stats import LiveStats
from streamkit.streaming.sink import Sink
from streamkit.streaming.source import Arrived, EndOfEvents, Source

__all__ = [
    "Arrived",
    "EndOfEvents",
    "FolderSource",
    "HistorySource",
    "HttpSource",
    "IteratorSource",
    "KafkaSource",
    "LiveRun",
    "LiveStats",
    "NdjsonSink",
    "ParquetSink",
    "Sink",
    "Source",
    "live",
]
