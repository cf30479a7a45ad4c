"""The paper's experiments on generated people."""
