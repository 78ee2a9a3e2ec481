"""How somebody's function is called, inferred: from names, and from one call with sizes that tell every axis apart."""
