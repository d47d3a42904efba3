"""How good the bot's judgements are, measured on recordings at telephone quality: the numbers in the README come from here."""
