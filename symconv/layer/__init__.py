"""One layer and its derivative: the relation, its sizes, its names, the loss on it, and the gradients."""
