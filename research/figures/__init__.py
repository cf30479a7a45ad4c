"""Scripts that draw the pictures of the documentation and make the small files of the package."""
