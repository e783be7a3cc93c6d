"""Find what is sensitive, grade it, mask it.

`masking.detect.detect(text)` finds identifiers in text, `masking.classify.suggest_table(file)` says what columns hold,
`masking.operators.OPERATORS` masks them inside the engine, `masking.risk.measure(file, …)` says what risk is left, and
`masking.identifiers.synthetic_residents(n, seed)` makes people who are nobody. Nothing is imported here, so that a
caller loads only what it uses.
"""
