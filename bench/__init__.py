"""Side-by-side benchmarks: each runs both sides in one go, in turns, and reports medians and their ratio.

python -m bench [NAME …]      prints Markdown, writes bench/results/NAME.json
"""
