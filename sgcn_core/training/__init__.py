"""The training loop; the data it trains on comes from its caller."""
