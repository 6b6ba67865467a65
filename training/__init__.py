"""Programs that make the data and the weights of the bundled denoisers."""
