"""Recipes: published results, each made again by `python -m modeling.recipes NAME --data DIR --out DIR`."""
