"""What text is made of."""

# Inside a character class: all that `str.strip` and `str.split` take for a space. ECMAScript's `\s`, which
# patterns of the OpenAPI document are read by, lacks some of it.
BLANKS = r"\s\x1c-\x1f\x85"
