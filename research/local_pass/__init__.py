"""An experiment: a second, denser look at eyes, nose, mouth and ears; see "A local second pass" in docs/training.md."""
