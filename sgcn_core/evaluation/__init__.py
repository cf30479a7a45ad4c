"""How good the landmarks are: the paper's experiments, annotated scans, one kind of corruption at a time."""
