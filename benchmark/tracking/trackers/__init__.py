"""Places that training curves and finished results are logged to, one module each."""
