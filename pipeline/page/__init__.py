"""The page: an overview and an address → HTML and SVG without any script."""
