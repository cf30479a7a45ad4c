"""Going through the landmarks: a table, edits, the heatmap of one landmark, a pose by hand."""
