"""Joint operators: what each party's agent does, step by step. One module per operator."""
