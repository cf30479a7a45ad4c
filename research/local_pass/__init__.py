"""The experiment of issue 11: a second, denser pass around eyes, nose, mouth and ears."""
