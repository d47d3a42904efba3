"""How a caller sounds: prosody of one utterance, what is normal for this caller, and how angry the voice is, with reasons."""
