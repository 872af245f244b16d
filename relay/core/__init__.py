"""Values and decisions: no clock, no dice, no socket, no log, no Redis."""
