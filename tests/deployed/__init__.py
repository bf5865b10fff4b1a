"""The template, deployed on the embedded AWS."""
