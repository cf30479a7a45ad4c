"""From landmarks to planning: measurements, midsagittal plane, maps and comparisons as nodes of the scene."""
