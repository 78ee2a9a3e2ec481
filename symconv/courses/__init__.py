"""For courses: the mistakes that people make, the fewest geometries that tell them, grading, conformance vectors."""
