"""What is kept on disk: journal, instruments, history, vault."""
