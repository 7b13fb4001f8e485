"""Everything that changes applications: `applications`, `cascade`, `parties`, `stage`."""
