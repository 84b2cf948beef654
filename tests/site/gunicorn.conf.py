"""gunicorn reads this from the directory it is started in; arguments win over it."""

# The socket would lie in the home directory of whoever starts it, one for all sites on the machine.
control_socket_disable = True
