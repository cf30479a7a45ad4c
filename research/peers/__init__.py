"""Other methods on the same scans and generated people: multi-view MediaPipe, 3DFA-GCN, MeshMonk."""
