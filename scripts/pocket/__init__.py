"""The pocket weights: drawn portraits, and the networks trained on them."""
