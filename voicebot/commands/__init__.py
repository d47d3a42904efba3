"""The parts of the `voicebot` command, a file each. A command is a few lines: settings in, one part of the bot run."""
