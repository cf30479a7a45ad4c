"""Where the head is on a surface, and how it is turned."""
