"""``tagbench doctor``: checks of the installation and of the machine, without network."""
