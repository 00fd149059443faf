"""Reports and checks: status, the story of a model, checks of specs, the ONNX export."""
