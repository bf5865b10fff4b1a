"""Random and mutated objects: no crash, no hang, no line that is neither counted nor rejected."""
