"""Learn an annotator's definitions: offsets of landmarks from a few corrected scans, for ``sgcn-landmarks adapt``."""
