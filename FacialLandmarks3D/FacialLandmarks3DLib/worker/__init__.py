"""The worker process that detects, as Slicer's process sees it."""
