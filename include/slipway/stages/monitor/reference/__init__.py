"""What a version learnt from, reduced to what its windows are compared with."""
