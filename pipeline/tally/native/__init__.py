"""Plain lines → hours in one pass, by a small library in C. README.md says how."""
