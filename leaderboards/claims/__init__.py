"""The paper's claims as statements that runs can bear out or contradict."""
