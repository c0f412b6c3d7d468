"""Private parts of the core; nothing here is a public name."""
