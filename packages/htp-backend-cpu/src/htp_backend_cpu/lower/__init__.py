"""The CPU's lowering: from normal form to register form, each step a program that runs."""
