"""What is kept on disk: run directories and the activation cache, written atomically and resumable."""
