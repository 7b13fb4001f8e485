"""Everything that reads applications: `applications`; a module each for further figures."""
