"""What the screens Compare and Sweeps read from the files of a results folder, without torch."""
