"""Protected people: whom nobody may draw, and who is to say so."""
