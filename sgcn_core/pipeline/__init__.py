"""What the detector is put together from: one pass of the network, and the alignment of the head by such passes."""
