"""A model version: its manifest, provenance, labelled rows, bill of materials and ONNX form."""
