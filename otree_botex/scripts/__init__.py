"""For scripts and the shell: an oTree server, its sessions and its data, without anything installed on that server."""
