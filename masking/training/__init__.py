"""Training of the name model on invented sentences: `python -m masking.training` writes the model and its figures."""
