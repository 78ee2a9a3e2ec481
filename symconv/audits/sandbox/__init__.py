"""The processes that audited code runs in: what they load, how they are watched, and what their refusals mean."""
