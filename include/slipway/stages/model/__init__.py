"""A model version: manifest, tags, provenance, labelled rows, agreement, SBOM, ONNX form."""
