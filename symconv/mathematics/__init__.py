"""Mathematics to be set, as one tree, what makes it of formulas and integers, and what prints it: LaTeX, text, MathML, markup."""
