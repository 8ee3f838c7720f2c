"""The paper's data figures: what each shows, as plain arrays; `drawing/` makes pictures of it."""
