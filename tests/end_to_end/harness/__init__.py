"""Starts Relevo and everything that it talks to, for tests over real sockets."""
