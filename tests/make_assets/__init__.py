"""Scripts that make the assets of the packages; nobody needs them to use the project."""
