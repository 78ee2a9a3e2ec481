"""What ``symconv generate`` writes: the case list, derivations and kernels of each case, the report of what was checked."""
