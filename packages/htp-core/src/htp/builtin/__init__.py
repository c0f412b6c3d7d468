"""The plugins that core brings along; they use the same hooks as everybody else's."""
