"""The collector: Segment's HTTP Tracking API in front of the journal, for SDKs of any language."""
