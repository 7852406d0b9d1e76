"""Pictures as SVG, made by the server: curves, bars, histograms, matrices; the numbers stand beside them."""
