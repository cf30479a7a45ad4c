"""A folder of scans and volumes, one after the other, through the worker that keeps the model."""
