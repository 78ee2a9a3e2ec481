"""The static site: documentation, a gallery of derivations, the explorer, a playground that decides formulas in the page."""
